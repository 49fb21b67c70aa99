# SPDX-License-Identifier: Apache-2.0
# The fault table: what each fault does to a program that never calls C_Finalize, and what works afterwards.
. "$(dirname "$0")/lib.sh"

# faults_conf FILE LINES: the agent with the library that fails on demand.
faults_conf() {
	cat >"$WORK/$1" <<-CONF
		socket = "$WORK/agent.sock"
		state = "$WORK/state"
		libexec = "$BIN"
		backend "faulty" {
			type = pkcs11
			module = "$IOTHSM_BUILD/lib/libtest_faulty.so"
			env = {"SOFTHSM2_CONF=$SOFTHSM2_CONF", "FAULTY_DIR=$WORK/faulty"}
			call_timeout = 3
		}
		$2
	CONF
}

softhsm_new
softhsm_token faults
direct --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label key >/dev/null 2>&1
mkdir -p "$WORK/state" "$WORK/faulty"
printf '%s\n' "$PIN" >"$WORK/pin"
chmod 600 "$WORK/pin"
faults_conf agent.conf ""
faults_conf kept.conf "token \"$(token_serial faults)\" { pin_file = \"$WORK/pin\" }"

IOTHSM_DEBUG=1 "$IOTHSM_BUILD/bin/test_faults" "$MODULE" "$WORK" "$IOTHSM_BUILD/bin" "$PIN" 2>"$WORK/faults.log" ||
	{ tail -n 40 "$WORK/faults.log" >&2; fail "see the rows that differ"; }
expect_text 'wire versions 3 to 4, we 1 to 1; install both' "$WORK/faults.log"
