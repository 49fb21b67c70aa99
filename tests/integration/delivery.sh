# SPDX-License-Identifier: Apache-2.0
# The bridge dies while it delivers a revocation list, and it meets a server whose certificate it must not accept.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bridge_lib.sh"

softhsm_new
softhsm_token demo
ca_files ca P-256
ca_write ca 01 demo
standin_start ca
STANDIN_PID=${PIDS[-1]}
printf '%s\n' "$PIN" >"$WORK/pin"
bridge_conf "$SOFTHSM" "rescan = 0
	token \"$(token_serial demo)\" { pin_file = \"$WORK/pin\" }"
bridge_start
until_status 30 "ca['ca']['connected']"

say "killed during the delivery: answered once, as interrupted, and the next list is taken"
mkfifo "$WORK/told" "$WORK/asked"
PYTHONDONTWRITEBYTECODE=1 python3 "$IOTHSM_SOURCE/tests/integration/delivery.py" "$STANDIN" "$WORK/ca.pem" "$BRIDGE_PID" \
	<"$WORK/asked" >"$WORK/told" 2>"$WORK/platform.err" &
PLATFORM_PID=$!
PIDS+=("$PLATFORM_PID")
exec {ASKED}>"$WORK/asked" {TOLD}<"$WORK/told"
read -r _ <&"$TOLD" || bridge_fail "the platform: $(cat "$WORK/platform.err")"
wait "$BRIDGE_PID" 2>/dev/null || true
bridge_start
until_status 30 "ca['ca']['connected']"
echo >&"$ASKED"
wait "$PLATFORM_PID" || bridge_fail "the platform: $(cat "$WORK/platform.err")"

say "another server at the same address, with a certificate of its own, is told nothing"
PORT=$(sed 's/.*://' "$STANDIN/url")
ca_files stranger P-256 /CN=127.0.0.1
kill "$STANDIN_PID"
wait "$STANDIN_PID" 2>/dev/null || true
openssl s_server -accept "127.0.0.1:$PORT" -cert "$WORK/stranger.pem" -key "$WORK/stranger.key" -www >"$WORK/stranger.log" 2>&1 &
STRANGER_PID=$!
PIDS+=("$STRANGER_PID")
until_status 30 "not ca['ca']['connected'] and 'certificate' in ca['ca']['reason']"
expect_text 'not subscribed.*certificate' "$WORK/bridge.log"

say "when the right one is back all goes on by itself"
kill "$STRANGER_PID"
wait "$STRANGER_PID" 2>/dev/null || true
rm "$STANDIN/url"
"$BIN/iothsm-standin" --dir "$STANDIN" --port "$PORT" --ca "$WORK/ca.pem" >>"$WORK/standin.log" 2>&1 &
PIDS+=("$!")
wait_for 20 test -s "$STANDIN/url" || fail "the stand-in does not start again: $(tail -n 3 "$WORK/standin.log")"
until_status 60 "ca['ca']['connected']"
drive csr ca --wait 60 || bridge_fail "csr at the end"
bridge_end kill -TERM "$BRIDGE_PID"
say done
