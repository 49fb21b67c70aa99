# SPDX-License-Identifier: Apache-2.0
# What calls may take of the token host's memory: one user goes beyond it and is told so, another one signs meanwhile.
. "$(dirname "$0")/lib.sh"

# The most that the host has had in memory since the last forget_peak.
peak_kb() {
	awk '/^VmHWM/ { print $2 }' "/proc/$HOST_PID/status"
}
forget_peak() {
	echo 5 >"/proc/$HOST_PID/clear_refs"
}

softhsm_new
softhsm_token gamma
agent_conf
sed -i 's/type = pkcs11/& memory = 64/' "$WORK/agent.conf"
agent_start
chmod 755 "$WORK"
chmod 666 "$WORK/agent.sock"
p11 --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label key >/dev/null
slot=$(p11 -L 2>/dev/null | awk '/^Slot/ { gsub(/[():]/, ""); id = $3 } /token label.*gamma/ { print id; exit }')
slot=$((slot))
HOST_PID=$(host_pid)
printf 'message' >"$WORK/message"

say "one user's calls take all that is for it"
forget_peak
before=$(peak_kb)
mkfifo "$WORK/go"
PYTHONDONTWRITEBYTECODE=1 python3 "$IOTHSM_SOURCE/tests/integration/memory_peer.py" "$WORK/agent.sock" "$slot" \
	<"$WORK/go" >"$WORK/peer.out" 2>&1 &
PEER=$!
PIDS+=("$PEER")
exec {GO}>"$WORK/go"
refused() {
	grep -q refused "$WORK/peer.out" || ! kill -0 "$PEER"
}
wait_for 60 refused || fail "no call is refused"
expect_text '^refused$' "$WORK/peer.out"

say "another user signs a large message meanwhile"
head -c 2000000 /dev/zero >"$WORK/large"
p11 --login --pin "$PIN" --sign -m ECDSA-SHA256 --id 01 -i "$WORK/message" -o "$WORK/signature" >/dev/null 2>&1 ||
	fail "the other user cannot sign"
p11 --hash -m SHA256 -i "$WORK/large" -o "$WORK/hash" >/dev/null 2>&1 || fail "the other user cannot hash"
expect_equal "$(od -An -v -tx1 "$WORK/hash" | tr -d ' \n')" "$(sha256sum "$WORK/large" | cut -d ' ' -f 1)" "the hash"

say "what was held comes back, and the connections stay"
echo >&"$GO"
wait "$PEER" || fail "the peer: $(tail -n 5 "$WORK/peer.out")"
expect_text '^done$' "$WORK/peer.out"
expect_equal "$(host_pid)" "$HOST_PID" "the token host"

say "never more than its part: a quarter of 64 MiB"
# What a sanitizer sets aside is no measure.
if [ -z "${IOTHSM_SANITIZE:-}" ]; then
	grown=$(($(peak_kb) - before))
	say "the host had at most $grown kB more"
	[ "$grown" -lt $((32 * 1024)) ] || fail "the host took $grown kB more"
fi

say "the log names user and process, a few times"
expect_text "no memory for a call uid=65534 pid=$PEER serial=[0-9a-f]+ user_bytes_max=16777216 host_bytes_max=67108864; .*'memory'" \
	"$WORK/agent.log"
lines=$(grep -c 'no memory for a call' "$WORK/agent.log")
[ "$lines" -le 20 ] || fail "it is said $lines times"
