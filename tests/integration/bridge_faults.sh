# SPDX-License-Identifier: Apache-2.0
# The bridge while platform and PubNub fail in every way, and while strangers publish what they like.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bridge_lib.sh"

platform_side() {
	local script=$1
	shift
	PYTHONDONTWRITEBYTECODE=1 python3 "$IOTHSM_SOURCE/tests/integration/$script" "$@" || bridge_fail "$script"
}

softhsm_new
softhsm_token demo
ca_files rsa rsa
ca_files ec P-256
ca_files third P-384
ca_write rsa 01 demo
ca_write ec 02 demo
ca_write third 03 demo
standin_start rsa ec third
printf '%s\n' "$PIN" >"$WORK/pin"
bridge_conf "$SOFTHSM" "
	rescan = 0
	token \"$(token_serial demo)\" { pin_file = \"$WORK/pin\" }"

say "registration survives every fault, and a refusal at first"
standin_fault register 400,503,html,reset,silence,refuse --count 6 --for 700
bridge_start
until_status 40 "len(ca) == 3 and all(c['connected'] for c in ca.values())"
expect_equal "$(standin_fault_met register)" 6 "registrations that met a fault"

say "what is hostile or wrong is passed over or refused, and no key is used for it"
platform_side bridge_hostile.py "$CONTROL" "$STANDIN" "$WORK/ec.pem" "$WORK/rsa.pem"

say "jobs outlive the faults of subscription, publishing and delivery, each answered once"
platform_side bridge_outage.py "$CONTROL" "$STANDIN" "$WORK/ec.pem"
until_status 20 "all(c['connected'] for c in ca.values())"
drive csr rsa || bridge_fail "csr of rsa at the end"

say "it ends cleanly though PubNub does not answer"
standin_fault leave silence --for 60000
bridge_end kill -TERM "$BRIDGE_PID"
say done
