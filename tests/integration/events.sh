# SPDX-License-Identifier: Apache-2.0
# Tokens that others make, change and delete come and go while programs wait, sign and go on.
. "$(dirname "$0")/lib.sh"

softhsm_new
softhsm_token alpha
agent_start
CLIENT=$IOTHSM_BUILD/bin/test_client
EVENTS=$IOTHSM_BUILD/bin/test_slot_events
NEW_PIN=572043
p11 --token-label alpha --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label key >/dev/null

takeovers() {
	grep -c 'took over' "$WORK/agent.log" || true
}

# The last event is of this text; events of others may have come before.
event_is() {
	tail -n 1 "$WORK/events" | grep -qE "^event [0-9]+ $1"
}

say "one program waits for events, one polls, one signs all the time"
exec {TO_WAITER}> >("$EVENTS" wait "$MODULE" >"$WORK/events" 2>"$WORK/events.log")
exec {TO_POLLER}> >("$EVENTS" poll "$MODULE" >"$WORK/polled" 2>"$WORK/polled.log")
"$CLIENT" sign-loop "$MODULE" alpha "$PIN" 01 0x1041 0 verify >"$WORK/a.out" 2>"$WORK/a.log" &
SIGNER=$!
PIDS+=("$SIGNER")
for file in events polled a.out; do
	wait_for 20 grep -q ready "$WORK/$file" || fail "$file: no program is ready"
done

say "a token that softhsm2-util makes appears by itself"
softhsm_token beta
wait_for 20 event_is beta || fail "no event: $(cat "$WORK/events")"
beta=$(tail -n 1 "$WORK/events" | cut -d ' ' -f 2)
direct --token-label beta --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 02 --label other >/dev/null 2>&1
p11 --token-label beta --login --pin "$PIN" -O >"$WORK/objects" || fail "the new token does not work"
expect_text 'label: +other' "$WORK/objects"

say "its sessions learn of its end once"
exec {TO_C}> >("$CLIENT" hold "$MODULE" beta "$PIN" 02 0x1041 >"$WORK/c.out")
wait_for 20 test -s "$WORK/c.out" || fail "the holder does not start"
softhsm2-util --delete-token --token beta >/dev/null
wait_for 20 event_is 0xe0 || fail "no event: $(cat "$WORK/events")"
expect_equal "$(tail -n 1 "$WORK/events" | cut -d ' ' -f 2)" "$beta" "the slot of the token that went"
for line in 2 3; do
	echo >&"$TO_C"
	wait_for 20 sh -c "[ \$(wc -l <'$WORK/c.out') -ge $line ]" || fail "no answer"
done
expect_equal "$(sed -n '2,3p' "$WORK/c.out" | tr '\n' ' ')" "0x32 0xb3 " "a session of the token that went"
exec {TO_C}>&-

say "a token of the same name is another one"
softhsm_token beta
wait_for 20 event_is beta || fail "no event: $(cat "$WORK/events")"
[ "$(tail -n 1 "$WORK/events" | cut -d ' ' -f 2)" != "$beta" ] || fail "another token in the slot of the former"

say "who polls hears of each of them once"
echo >&"$TO_POLLER"
wait_for 20 grep -q 0x8 "$WORK/polled" || fail "no answer"
expect_equal "$(grep -c "^event $beta 0xe0" "$WORK/polled")" 1 "events of the slot that is empty"
expect_equal "$(tail -n 1 "$WORK/polled")" 0x8 "what ends the events"
exec {TO_POLLER}>&-

say "a token that is initialised again takes its new PIN"
before=$(takeovers)
softhsm2-util --init-token --token beta --label beta --pin "$NEW_PIN" --so-pin "$SO_PIN" --force >/dev/null 2>&1 ||
	softhsm2-util --init-token --slot "$(direct -L 2>/dev/null | awk '/token label/ { if ($NF == "beta") print slot } /^Slot/ { slot = $2 }' | tr -d '()')" \
		--label beta --pin "$NEW_PIN" --so-pin "$SO_PIN" >/dev/null
new_pin_works() {
	p11 --token-label beta --login --pin "$NEW_PIN" -O
}
taken_over() {
	[ "$(takeovers)" -gt "$before" ]
}
wait_for 20 taken_over || fail "nobody saw the token change"
wait_for 20 new_pin_works || fail "the new PIN is refused"

say "what the agent does itself is no news to it"
wait_for 20 test "$(pgrep -c -P "$AGENT_PID")" -ge 1
before=$(takeovers)
printf '%s\n' "$SO_PIN" >"$WORK/so-pin"
printf '%s\n' "$PIN" >"$WORK/pin"
"$BIN/iothsm" token init --label own --so-pin-file "$WORK/so-pin" --new-pin-file "$WORK/pin" >/dev/null || fail "init"
p11 --token-label own --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 03 >/dev/null
p11 --token-label own --login --pin "$PIN" --change-pin --new-pin "$NEW_PIN" >/dev/null
p11 --token-label own --login --pin "$NEW_PIN" -O >/dev/null || fail "the changed PIN"
"$BIN/iothsm" token rescan
expect_equal "$(takeovers)" "$before" "takeovers after changes of our own"

say "all the time not one signature failed"
kill -TERM "$SIGNER"
wait "$SIGNER" || fail "the signer: $(tail "$WORK/a.log")"
expect_text '^failed=0 wrong=0$' "$WORK/a.out"

say "C_Finalize ends the wait"
echo >&"$TO_WAITER"
wait_for 20 grep -q '^0x' "$WORK/events" || fail "the wait does not end"
expect_equal "$(tail -n 1 "$WORK/events")" 0x190 "what the wait ended with"
