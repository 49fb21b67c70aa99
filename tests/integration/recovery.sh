# SPDX-License-Identifier: Apache-2.0
# A token host is killed: programs go on without a restart, and no old handle ever reaches another key.
. "$(dirname "$0")/lib.sh"

softhsm_new
softhsm_token delta
agent_start
CLIENT=$IOTHSM_BUILD/bin/test_client
p11 --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label key >/dev/null

say "kill -9 of the host while A makes 2,000 signatures"
"$CLIENT" sign-loop "$MODULE" delta "$PIN" 01 0x1041 2000 verify >"$WORK/a.out" 2>"$WORK/a.log" &
A=$!
PIDS+=("$A")
wait_for 20 grep -q ready "$WORK/a.out" || fail "A does not start: $(cat "$WORK/a.log")"
kill -9 "$(host_pid)"
kill -0 "$A" || fail "A ended too early to prove anything"
wait "$A" || fail "A: $(cat "$WORK/a.out" "$WORK/a.log")"
expect_text '^failed=[01] wrong=0$' "$WORK/a.out"

say "a handle survives a restart of the host"
exec {TO_C}> >("$CLIENT" hold "$MODULE" delta "$PIN" 01 0x1041 >"$WORK/c.out")
wait_for 20 test -s "$WORK/c.out" || fail "the holder does not start"
kill -9 "$(host_pid)"
echo >&"$TO_C"
wait_for 20 grep -q '^0x' "$WORK/c.out" || fail "no answer"
expect_equal "$(sed -n 2p "$WORK/c.out")" 0x0 "a signature with the old handle of the same key"

say "a key regenerated during the outage is never signed with under the old handle"
kill -STOP "$AGENT_PID"
kill -9 "$(host_pid)"
direct --login --pin "$PIN" --delete-object --type privkey --id 01 >/dev/null 2>&1
direct --login --pin "$PIN" --delete-object --type pubkey --id 01 >/dev/null 2>&1
direct --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label key >/dev/null 2>&1
kill -CONT "$AGENT_PID"
echo >&"$TO_C"
wait_for 20 sh -c "[ \$(wc -l <'$WORK/c.out') -ge 3 ]" || fail "no answer"
expect_equal "$(sed -n 3p "$WORK/c.out")" 0x60 "a signature with the old handle of another key"
exec {TO_C}>&-

say "with no agent C_Initialize succeeds and no slot has a token"
kill "$AGENT_PID"
wait "$AGENT_PID" || true
expect_equal "$(p11 -L 2>&1 | grep -c 'token label' || true)" 0 "tokens without an agent"
p11 -I >"$WORK/info" 2>&1 || true # it ends with "No slots."
expect_text 'Manufacturer +iothsm' "$WORK/info"
agent_start
p11 --login --pin "$PIN" -O >/dev/null || fail "the agent started again"

say "a client that sends garbage loses its own connection only"
for garbage in '\377\377\377\377' '\004\000\000\000\377\377\377\377' '\000\000\000\000' 'GET / HTTP/1.0\r\n\r\n'; do
	printf "$garbage" | timeout 20 socat - "UNIX-CONNECT:$WORK/agent.sock" >/dev/null 2>&1 || true
	p11 --login --pin "$PIN" -O >/dev/null || fail "after garbage"
done
