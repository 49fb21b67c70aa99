# SPDX-License-Identifier: Apache-2.0
# Which calls are alone in the library: none but administration when threads are shared, all when they are serial.
. "$(dirname "$0")/contention_lib.sh"

WATCHED=$IOTHSM_BUILD/lib/libtest_watched.so

# watched_conf MODE LIBRARY: an agent with that backend.
watched_agent() {
	cat >"$WORK/agent.conf" <<-CONF
		socket = "$WORK/agent.sock"
		state = "$WORK/state"
		backend "softhsm" {
			type = pkcs11
			module = "$2"
			threads = $1
			env = {"SOFTHSM2_CONF=$SOFTHSM2_CONF", "IOTHSM_WATCHED=$1"}
		}
	CONF
	agent_start
}

agent_end() {
	kill "$AGENT_PID"
	wait "$AGENT_PID" || true
}

not_violated() {
	! grep -E 'watched: .* is not alone' "$WORK/agent.log" || fail "threads = $1: the library was entered twice"
}

direct --token-label crowd --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label p256 >/dev/null

for mode in shared serial; do
	say "threads = $mode: a library that watches its door, under 8 threads and an administrator"
	watched_agent "$mode" "$WATCHED"
	# Two tokens have a turn each: the watch is over one, and over both only when all is serial.
	crowd beside "$([ "$mode" = serial ] && echo other || echo -)" "$SO_PIN"
	crowd sign 8
	not_violated "$mode"
	agent_end
	not_violated "$mode"
	grep -oE 'watched: at most [0-9]+ inside' "$WORK/agent.log" >"$WORK/most.txt" || fail "the library did not watch"
	case $mode in
	shared) ! grep -q 'most 1 inside' "$WORK/most.txt" || fail "threads = shared: no two calls met inside" ;;
	serial) expect_equal "$(tail -n 1 "$WORK/most.txt")" "watched: at most 1 inside" "threads = serial" ;;
	esac
done

say "threads = serial with SoftHSM2 itself, under 8 threads"
watched_agent serial "$SOFTHSM"
crowd beside other "$SO_PIN"
