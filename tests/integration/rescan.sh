# SPDX-License-Identifier: Apache-2.0
# Tokens made and deleted behind the agent's back appear and vanish by a rescan, while programs go on.
. "$(dirname "$0")/lib.sh"

softhsm_new
softhsm_token inside
agent_conf
sed -i 's/type = pkcs11/& watch = none/' "$WORK/agent.conf"
agent_start
CLIENT=$IOTHSM_BUILD/bin/test_client
p11 --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label key >/dev/null
first_host=$(host_pid)

rescan() {
	"$CLIENT" rescan "$MODULE" || fail "the rescan"
}

labels() {
	"$BIN/iothsm" token list --json | jq -r '[.[] | select(.initialised) | .label] | sort | join(" ")'
}

say "a rescan without news leaves the host alone"
rescan
expect_equal "$(host_pid)" "$first_host" "the host after a rescan without news"

say "a program is logged in"
exec {TO_C}> >("$CLIENT" hold "$MODULE" inside "$PIN" 01 0x1041 >"$WORK/c.out")
wait_for 20 test -s "$WORK/c.out" || fail "the holder does not start"

say "softhsm2-util makes a token while the agent runs"
softhsm_token outside
expect_equal "$(labels)" inside "tokens before the rescan"
rescan
expect_equal "$(labels)" "inside outside" "tokens after the rescan"
p11 --token-label outside --login --pin "$PIN" -O >/dev/null || fail "the new token does not work"

say "the program goes on with its handle and its login"
echo >&"$TO_C"
wait_for 20 grep -q '^0x' "$WORK/c.out" || fail "no answer"
expect_equal "$(sed -n 2p "$WORK/c.out")" 0x0 "a signature after the rescan"
exec {TO_C}>&-

say "softhsm2-util deletes it again"
softhsm2-util --delete-token --token outside >/dev/null
rescan
expect_equal "$(labels)" inside "tokens after the second rescan"

say "a token deleted through the agent is gone, and its host ends and comes back without a complaint"
printf '%s\n' "$SO_PIN" >"$WORK/so-pin"
softhsm_token last
rescan
former=$(host_pid)
"$BIN/iothsm" token delete --token last --yes --so-pin-file "$WORK/so-pin" >/dev/null || fail "delete"
host_is_new() {
	local pid
	pid=$(host_pid) && [ -n "$pid" ] && [ "$pid" != "$former" ]
}
wait_for 20 host_is_new || fail "the host was not started again"
expect_equal "$(labels)" inside "tokens after the deletion"
! grep -E '^<[0-4]>' "$WORK/agent.log" || fail "the agent complained"
