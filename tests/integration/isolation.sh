# SPDX-License-Identifier: Apache-2.0
# Program A is logged in and signs; program B is not: it sees no private object and can use none. Then B is the SO.
. "$(dirname "$0")/lib.sh"

softhsm_new
softhsm_token gamma
agent_start
CLIENT=$IOTHSM_BUILD/bin/test_client
p11 --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label key >/dev/null
serial=$(token_serial gamma)

say "A signs in a loop"
"$CLIENT" sign-loop "$MODULE" gamma "$PIN" 01 0x1041 0 verify >"$WORK/a.out" 2>"$WORK/a.log" &
A=$!
PIDS+=("$A")
wait_for 20 grep -q ready "$WORK/a.out" || fail "A does not start: $(cat "$WORK/a.log")"

say "B, not logged in, sees no private object"
expect_equal "$(p11 -O 2>/dev/null | grep -c 'Private Key' || true)" 0 "private keys that B sees"
expect_equal "$(p11 -O 2>/dev/null | grep -c 'Public Key')" 1 "public keys that B sees"

say "B cannot use a handle that it guessed"
exec {TO_C}> >("$CLIENT" hold "$MODULE" gamma "$PIN" 01 0x1041 >"$WORK/c.out")
wait_for 20 test -s "$WORK/c.out" || fail "the holder does not start"
handle=$(head -n 1 "$WORK/c.out")
expect_equal "$("$CLIENT" guess "$MODULE" gamma "$handle")" \
	"found=0 sign=0x60 attribute=0x82 destroy=0x82" "what a guessed handle answers"

say "a wrong PIN of B is refused while A is logged in"
expect_failure CKR_PIN_INCORRECT p11 --login --pin 000000 -O

say "B sets the user PIN as SO while A signs"
kill -0 "$A" || fail "A ended too early to prove anything"
p11 --login --login-type so --so-pin "$SO_PIN" --init-pin --new-pin "$PIN" >"$WORK/so.out" 2>&1 ||
	fail "--init-pin: $(cat "$WORK/so.out")"
expect_text 'User PIN successfully initialized' "$WORK/so.out"
kill "$A"
wait "$A" || fail "A: $(cat "$WORK/a.out" "$WORK/a.log")"
expect_text '^failed=0 wrong=0$' "$WORK/a.out"

say "the one who held a handle over it still can use it"
echo >&"$TO_C"
wait_for 20 grep -q '^0x0$' "$WORK/c.out" || fail "the held handle: $(cat "$WORK/c.out")"
exec {TO_C}>&-

say "three wrong PINs lock the user out at the agent, never the token"
for _ in 1 2 3; do
	p11 --login --pin 111111 -O >/dev/null 2>&1 && fail "a wrong PIN was taken"
done
expect_failure CKR_PIN_LOCKED p11 --login --pin "$PIN" -O
direct --login --pin "$PIN" --token-label gamma -O >/dev/null 2>&1 || fail "the token itself is locked"
