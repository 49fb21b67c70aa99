# SPDX-License-Identifier: Apache-2.0
# Two appliances hold the key of one CA: both offer, one is chosen, one dies between offer and request, and both
# answer alike.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bridge_lib.sh"

OTHER=$WORK/other
OTHER_CONTROL=$OTHER/control.sock
mkdir "$OTHER"
ca_files ca rsa
printf '%s\n' "$PIN" >"$WORK/pin"

# appliance DIRECTORY: a SoftHSM2 of its own there, whose token has the key of the CA.
appliance() {
	mkdir "$1/tokens"
	SOFTHSM2_CONF=$1/softhsm2.conf
	printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$1" >"$SOFTHSM2_CONF"
	softhsm_token demo
	ca_write ca 01 demo
	SERIAL=$(token_serial demo)
}

standin_start ca
appliance "$OTHER"
bridge_conf "$SOFTHSM" "rescan = 0
	token \"$SERIAL\" { pin_file = \"$WORK/pin\" }"
sed -e "s|^state_dir.*|state_dir = \"$OTHER/state\"|; s|^control.*|control = \"$OTHER_CONTROL\"|" "$WORK/bridge.conf" \
	>"$OTHER/bridge.conf"
"$BIN/iothsm-bridge" -c "$OTHER/bridge.conf" >>"$WORK/other.log" 2>&1 &
OTHER_PID=$!
PIDS+=("$OTHER_PID")
appliance "$WORK"
bridge_conf "$SOFTHSM" "rescan = 0
	token \"$SERIAL\" { pin_file = \"$WORK/pin\" }"
bridge_start
until_status 20 "ca['ca']['connected']"
wait_for 20 grep -q 'subscribed\|registered' "$WORK/other.log" || fail "the other: $(cat "$WORK/other.log")"

say "offers, answers, lists, and a death between offer and request"
mkfifo "$WORK/told" "$WORK/asked"
PYTHONDONTWRITEBYTECODE=1 python3 "$IOTHSM_SOURCE/tests/integration/appliances.py" "$STANDIN" "$WORK/ca.pem" "$BRIDGE_PID" \
	"$OTHER_CONTROL" <"$WORK/asked" >"$WORK/told" 2>>"$WORK/platform.log" &
PLATFORM_PID=$!
PIDS+=("$PLATFORM_PID")
exec {ASKED}>"$WORK/asked" {TOLD}<"$WORK/told"
read -r line <&"$TOLD" || bridge_fail "the platform: $(cat "$WORK/platform.log")"
say "${line#== }"

say "the one that died is there again, and does not answer what the other has answered"
wait "$BRIDGE_PID" 2>/dev/null || true
bridge_start
until_status 20 "ca['ca']['connected']"
echo >&"$ASKED"
read -r line <&"$TOLD" || bridge_fail "the platform: $(cat "$WORK/platform.log")"
wait "$PLATFORM_PID" || bridge_fail "the platform: $(cat "$WORK/platform.log")"

say "both under load, every job is answered once"
drive load ca --count 40 --parallel 4 || bridge_fail "load"
bridge_end kill -TERM "$BRIDGE_PID"
kill -TERM "$OTHER_PID"
wait "$OTHER_PID" || fail "the other ended with $?"
say done
