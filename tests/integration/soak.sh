# SPDX-License-Identifier: Apache-2.0
# Many csr jobs of two CAs while faults come at random: at the end every job is answered, once, and none is signed twice.
# SOAK_JOBS says how many (tools/soak), SOAK_SEED which faults; the seed is printed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bridge_lib.sh"

JOBS=${SOAK_JOBS:-120}
[ -z "${IOTHSM_SANITIZE:-}" ] || JOBS=${SOAK_JOBS:-40}
SEED=${SOAK_SEED:-$((SRANDOM % 32768))}
RANDOM=$SEED
PAUSE=$((JOBS < 2000 ? JOBS / 12 + 2 : 170)) # jobs between two faults, on average
LOADS=()
declare -A MET=()

check_side() {
	PYTHONDONTWRITEBYTECODE=1 python3 "$IOTHSM_SOURCE/tests/integration/bridge_soak.py" "$@"
}

# pick WORD…: one of them.
pick() {
	shift $((RANDOM % $#))
	PICKED=$1
}

fault_host() {
	kill -9 "$(host_pid)" 2>/dev/null || true
}

fault_crash() {
	kill -9 "$BRIDGE_PID"
	wait "$BRIDGE_PID" 2>/dev/null || true
	bridge_start
}

fault_restart() {
	bridge_end kill -TERM "$BRIDGE_PID"
	bridge_start
}

# A few requests meet one kind of failure, each silence for 700 ms.
fault_at() { # PLACE
	pick 400 403 500 503 html reset silence
	standin_fault "$1" "$PICKED" --count $((RANDOM % 4 + 1)) --for 700
}

fault_subscribe() {
	fault_at subscribe
}

fault_publish() {
	fault_at publish
}

fault_outage() {
	pick 503 reset html
	standin_fault subscribe "$PICKED" --for 1500
	standin_fault publish "$PICKED" --for 1500
}

fault_disorder() {
	standin_fault messages duplicate,reverse,duplicate --count 3
}

fault_garbage() {
	pick rsa ec
	check_side garbage "$STANDIN" "$WORK/$PICKED.pem" $RANDOM || bridge_fail "garbage cannot be sent"
}

loads_run() {
	local pid
	for pid in "${LOADS[@]}"; do
		! kill -0 "$pid" 2>/dev/null || return 0
	done
	return 1
}

# So many more jobs are done, or there are no more.
went_on() {
	jobs_done "$1" || ! loads_run
}

softhsm_new
softhsm_token demo
ca_files rsa rsa
ca_files ec P-256
ca_write rsa 01 demo
ca_write ec 02 demo
printf '%s\n' "$PIN" >"$WORK/pin"
chmod 600 "$WORK/pin"
agent_conf "token \"$(token_serial demo)\" {
		pin_file = \"$WORK/pin\"
		record = \"all\"
	}"
agent_start
standin_start rsa ec
bridge_conf "$MODULE"
bridge_start
until_status 60 "ca['rsa']['connected'] and ca['ec']['connected']"

say "$JOBS jobs, seed $SEED"
for name in rsa ec; do
	PYTHONDONTWRITEBYTECODE=1 python3 "$IOTHSM_SOURCE/tests/integration/bridge_listen.py" "$STANDIN" "$WORK/$name.pem" \
		>"$WORK/heard.$name" 2>"$WORK/listen.err" &
	PIDS+=("$!")
	wait_for 60 test -s "$WORK/heard.$name" || fail "the channel cannot be heard: $(cat "$WORK/listen.err")"
done
for name in rsa ec; do
	TSAN_OPTIONS="${TSAN_OPTIONS:-} $DRIVE_TSAN" "$BIN/iothsm-standin" drive load --dir "$STANDIN" --ca "$WORK/$name.pem" \
		--count $((JOBS / 2)) --parallel 8 --again 30 >"$WORK/load.$name" 2>>"$WORK/drive.log" &
	LOADS+=("$!")
	PIDS+=("$!")
done
wait_for 60 jobs_done 5 || bridge_fail "the load does not run"
while loads_run; do
	pick host crash restart subscribe publish outage disorder garbage
	MET[$PICKED]=$((${MET[$PICKED]:-0} + 1))
	NEXT=$(($(jobs_count) + PAUSE / 2 + RANDOM % PAUSE + 1))
	"fault_$PICKED"
	wait_for 120 went_on "$NEXT" || bridge_fail "no more jobs are done after this fault: $PICKED, seed $SEED"
done
for pid in "${LOADS[@]}"; do
	wait "$pid" || true # it fails when an answer says "interrupted", which is checked below
done

say "what came of it"
until_status 60 "all(c['connected'] for c in ca.values()) and d['waiting'] == 0"
bridge_end kill -TERM "$BRIDGE_PID"
for fault in "${!MET[@]}"; do
	printf 'fault %s: %s times\n' "$fault" "${MET[$fault]}"
done | sort
check_side judge "$WORK" || bridge_fail "seed $SEED"
say done
