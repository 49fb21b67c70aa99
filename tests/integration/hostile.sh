# SPDX-License-Identifier: Apache-2.0
# Whatever a local user throws at the agent: another one signs on and on, and the agent gives back what it took.
. "$(dirname "$0")/lib.sh"

count_fds() {
	ls "/proc/$1/fd" | wc -l
}

count_threads() {
	ls "/proc/$1/task" | wc -l
}

memory_kb() {
	awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}

softhsm_new
softhsm_token gamma
agent_start
chmod 755 "$WORK"
chmod 666 "$WORK/agent.sock"
p11 --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label key >/dev/null
slot=$(p11 -L 2>/dev/null | awk '/^Slot/ { gsub(/[():]/, ""); id = $3 } /token label.*gamma/ { print id; exit }')
slot=$((slot))

say "somebody signs"
"$IOTHSM_BUILD/bin/test_client" sign-loop "$MODULE" gamma "$PIN" 01 0x1041 0 verify >"$WORK/signer.out" 2>"$WORK/signer.log" &
SIGNER=$!
PIDS+=("$SIGNER")
wait_for 20 grep -q ready "$WORK/signer.out" || fail "the signer does not start: $(cat "$WORK/signer.log")"
HOST_PID=$(host_pid)
fds=$(count_fds "$AGENT_PID")
host_fds=$(count_fds "$HOST_PID")
threads=$(count_threads "$HOST_PID")
memory=$(memory_kb "$AGENT_PID")

say "somebody else attacks"
python3 "$IOTHSM_SOURCE/tests/integration/hostile_peer.py" "$WORK/agent.sock" "$slot" >"$WORK/peer.out" 2>&1 ||
	fail "the attacker: $(tail -n 5 "$WORK/peer.out")"

say "the signer has seen nothing of it"
kill -0 "$SIGNER" || fail "the signer is gone: $(cat "$WORK/signer.out" "$WORK/signer.log")"
kill "$SIGNER"
wait "$SIGNER" || fail "the signer: $(cat "$WORK/signer.out" "$WORK/signer.log")"
expect_text '^failed=0 wrong=0$' "$WORK/signer.out"
[ ! -s "$WORK/signer.log" ] || fail "the signer: $(cat "$WORK/signer.log")"

say "agent and token host are the same processes and have given everything back"
expect_equal "$(host_pid)" "$HOST_PID" "the token host"
no_more() {
	[ "$(count_fds "$AGENT_PID")" -le "$fds" ] && [ "$(count_fds "$HOST_PID")" -le "$host_fds" ] &&
		[ "$(count_threads "$HOST_PID")" -le "$threads" ]
}
wait_for 20 no_more || fail "descriptors: agent $fds then $(count_fds "$AGENT_PID"), host $host_fds then $(count_fds "$HOST_PID")"
# What a sanitizer sets aside is no measure.
if [ -z "${IOTHSM_SANITIZE:-}" ]; then
	grown=$(($(memory_kb "$AGENT_PID") - memory))
	[ "$grown" -lt 16384 ] || fail "the agent has grown by $grown kB"
fi

say "the log names the attacker without drowning in it"
expect_text 'uid=65534' "$WORK/agent.log"
lines=$(wc -l <"$WORK/agent.log")
[ "$lines" -lt 500 ] || fail "the attacker made the agent write $lines lines: $(tail -n 5 "$WORK/agent.log")"

say "others still get in"
p11 --login --pin "$PIN" -O >"$WORK/objects" 2>&1 || fail "after the attack: $(cat "$WORK/objects")"
expect_text 'Private Key Object' "$WORK/objects"
