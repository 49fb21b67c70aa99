# SPDX-License-Identifier: Apache-2.0
# The module's beginning and end amid threads, forks and waiting calls, and the events that end such a wait.
. "$(dirname "$0")/lib.sh"

LIFECYCLE=$IOTHSM_BUILD/bin/test_lifecycle
export ASAN_OPTIONS=detect_leaks=0
softhsm_new
softhsm_token lifecycle
agent_start
p11 --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label p256 >/dev/null
"$LIFECYCLE" "$MODULE" "$PIN" || fail "see above"

rescan() {
	"$IOTHSM_BUILD/bin/test_client" rescan "$MODULE" || fail "the rescan"
}

slot_of() { # LABEL: its number, as the module counts
	printf '%d' "$(p11 -L | awk -v label="$1" '/^Slot/ { gsub(/[():]/, "", $3); id = $3 }
		/token label/ && $NF == label { print id }')"
}

lines_are() {
	[ "$(wc -l <"$WORK/events")" -ge "$1" ]
}

say "a token that is made, a token that is deleted, each told once"
"$LIFECYCLE" "$MODULE" events=4 >"$WORK/events" 2>"$WORK/events.log" &
waiter=$!
PIDS+=("$waiter")
wait_for 10 lines_are 1 || fail "the waiting program does not start"
softhsm_token late
rescan
wait_for 10 lines_are 2 || fail "no event for a new token"
expect_equal "$(sed -n 2p "$WORK/events")" "$(slot_of late) present" "the event of a new token"
late=$(slot_of late)
softhsm2-util --delete-token --token late >/dev/null
rescan
wait_for 10 lines_are 3 || fail "no event for a deleted token"
expect_equal "$(sed -n 3p "$WORK/events")" "$late absent" "the event of a deleted token"

say "a restarted token host is no event, a stopped agent is one when it is back"
kill -KILL "$(host_pid)"
wait_for 10 agent_answers || fail "the host does not come back"
lines_are 4 && fail "a restarted host is told as an event: $(cat "$WORK/events")"
kill "$AGENT_PID"
wait "$AGENT_PID" || true
agent_start
wait "$waiter" || fail "the waiting program: $(cat "$WORK/events")"
expect_equal "$(sed -n '4,$s/.* //p' "$WORK/events" | sort | uniq -c | xargs)" "2 present" \
	"the events after the agent's restart: its token and its blank slot"
