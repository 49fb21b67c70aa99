# SPDX-License-Identifier: Apache-2.0
# The ladder over agent and token host: what is wrong with the token or its PIN is told, in iothsm status too.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bridge_lib.sh"

unset IOTHSM_MODULE

# says PATTERN…: each is in what a program reads of the status.
says() {
	local pattern
	"$BIN/iothsm" status --bridge "$CONTROL" >"$WORK/status" 2>&1 || fail "status: $(cat "$WORK/status")"
	for pattern in "$@"; do
		grep -qP -- "$pattern" "$WORK/status" || fail "no '$pattern' in the status: $(cat "$WORK/status")"
	done
}

agent_stop() {
	kill "$AGENT_PID"
	wait "$AGENT_PID" || true
}

# What a person sees on a terminal.
seen() {
	script -qec "$BIN/iothsm status --bridge $CONTROL" /dev/null | tr -d '\r' >"$WORK/seen"
}

softhsm_new
softhsm_token demo
ca_files ec P-256
ca_write ec 01 demo
printf '%s\n' "$PIN" >"$WORK/pin"
chmod 600 "$WORK/pin"
agent_conf "token \"$(token_serial demo)\" { pin_file = \"$WORK/pin\" }"
agent_start
standin_start ec
bridge_conf "$MODULE" "
	rescan = 1
	probe = 1"
bridge_start

say "all is well, and the status says so at one glance"
until_status 25 "ca['ec']['connected']"
says '^ladder\t[0-9a-f]{40}\ttoken\tyes\t[0-9]+\t-\t-$' '^ladder\t[0-9a-f]{40}\tsubscribed\tyes\t' \
	'^ladder\t[0-9a-f]{40}\tsignature\t-\t-\t-\t-$'
seen
expect_text '^connected +yes$' "$WORK/seen"
expect_text '^registered +yes +[0-9]+ s ago$' "$WORK/seen"

say "the agent is gone, and its token with it"
agent_stop
until_status 25 "ca['ec']['missing'] == 'token' and 'iothsm-agent' in ca['ec']['action']"
status_is "not ca['ec']['connected'] and [r['ok'] for r in ca['ec']['ladder']][:4] == [False, None, None, None]" ||
	bridge_fail "a rung above a missing token is said to hold"

say "it comes back with a wrong PIN, which it tries once and never again"
printf '000000\n' >"$WORK/pin"
agent_start
until_status 25 "ca['ec']['missing'] == 'pin' and 'not logged in' in ca['ec']['reason'] and 'pin keep' in ca['ec']['action']"
says '^ladder\t[0-9a-f]{40}\ttoken\tyes\t' '^ladder\t[0-9a-f]{40}\tpin\tno\t[0-9]+\t.*not logged in.*\t.*pin keep'
seen
expect_text '^connected +no$' "$WORK/seen"
expect_text '^missing +pin$' "$WORK/seen"
expect_text '^why +.*not logged in' "$WORK/seen"

say "the right PIN, and a reload by a person"
agent_stop
printf '%s\n' "$PIN" >"$WORK/pin"
agent_start
ask reload >/dev/null
until_status 25 "ca['ec']['connected']"

bridge_end kill -TERM "$BRIDGE_PID"
say done
