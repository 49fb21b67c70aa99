# SPDX-License-Identifier: Apache-2.0
# A stand-in of the platform, CAs on a token, and a bridge between them. Sourced after lib.sh.

STANDIN=$WORK/standin
CONTROL=$WORK/control.sock

# ca_files NAME ALGORITHM [SUBJECT]: key and self-signed certificate as files.
ca_files() {
	case $2 in
	rsa) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$WORK/$1.key" ;;
	*) openssl genpkey -quiet -algorithm EC -pkeyopt "ec_paramgen_curve:$2" -out "$WORK/$1.key" ;;
	esac
	openssl req -new -x509 -key "$WORK/$1.key" -subj "${3:-/O=Example/CN=$1}" -days 30 \
		-addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature -out "$WORK/$1.pem"
	openssl pkey -in "$WORK/$1.key" -outform der -out "$WORK/$1.key.der"
	openssl pkey -in "$WORK/$1.key" -pubout -outform der -out "$WORK/$1.pub.der"
	openssl x509 -in "$WORK/$1.pem" -outform der -out "$WORK/$1.der"
}

# ca_write NAME ID TOKEN: puts them on a SoftHSM2 token.
ca_write() {
	local part
	for part in privkey:key.der pubkey:pub.der cert:der; do
		direct --token-label "$3" --login --pin "$PIN" --write-object "$WORK/$1.${part#*:}" \
			--type "${part%%:*}" --id "$2" --label "$1" --usage-sign >/dev/null 2>&1 ||
			fail "cannot write ${part%%:*} of $1"
	done
}

# standin_start CA…: knows these CAs.
standin_start() {
	local name arguments=()
	for name in "$@"; do
		arguments+=(--ca "$WORK/$name.pem")
	done
	"$BIN/iothsm-standin" --dir "$STANDIN" "${arguments[@]}" >>"$WORK/standin.log" 2>&1 &
	PIDS+=("$!")
	wait_for 20 test -s "$STANDIN/url" || fail "the stand-in does not start"
}

standin_learn() {
	cp "$WORK/$1.pem" "$STANDIN/cas/$1.pem.new"
	mv "$STANDIN/cas/$1.pem.new" "$STANDIN/cas/$1.pem"
}

# jansson counts references by atomics that ThreadSanitizer does not see; the driver shares one request.
case ${IOTHSM_SANITIZE:-} in
*thread*) DRIVE_TSAN="ignore_noninstrumented_modules=1" ;;
*) DRIVE_TSAN= ;;
esac

# drive JOB CA OPTION…
drive() {
	local job=$1 ca=$2
	shift 2
	TSAN_OPTIONS="${TSAN_OPTIONS:-} $DRIVE_TSAN" "$BIN/iothsm-standin" drive "$job" --dir "$STANDIN" --ca "$WORK/$ca.pem" "$@" \
		>>"$WORK/drive.log" 2>&1
}

# standin_fault PLACE KINDS [--count N] [--for MS]
standin_fault() {
	"$BIN/iothsm-standin" drive fault --dir "$STANDIN" --at "$1" --fault "${@:2}" >>"$WORK/drive.log" 2>&1 ||
		bridge_fail "the fault $* cannot be set"
}

standin_fault_met() {
	"$BIN/iothsm-standin" drive fault --dir "$STANDIN" --at "$1" 2>>"$WORK/drive.log"
}

# bridge_conf MODULE [LINES]
bridge_conf() {
	cat >"$WORK/bridge.conf" <<-CONF
		platform = "$(cat "$STANDIN/url")"
		platform_ca = "$STANDIN/platform_ca.pem"
		tls_ca = "$STANDIN/tls_ca.pem"
		pubnub_origin = "$(cat "$STANDIN/url")"
		module = "$1"
		state_dir = "$WORK/bridge-state"
		control = "$CONTROL"
		${2:-}
	CONF
}

# The asker's ends are copied, because bash hides those of a coprocess from command substitutions.
coproc ASKER { exec python3 -IS "$IOTHSM_SOURCE/tests/integration/bridge_ask.py" "$CONTROL"; }
PIDS+=("$ASKER_PID")
exec {ASK_IN}>&"${ASKER[1]}" {ASK_OUT}<&"${ASKER[0]}"

# ask_within SECONDS OP PYTHON: what the expression over the answer (a) of the control socket is once it is true.
ask_within() {
	local answer
	printf '%s\t%s\t%s\n' "$1" "$2" "$3" >&"$ASK_IN"
	read -r answer <&"$ASK_OUT"
	printf '%s\n' "$answer"
	[ "${answer:0:1}" != "!" ]
}

# ask OP [PYTHON]: the answer of the control socket, or what an expression over it is.
ask() {
	ask_within 0 "$1" "${2:-json.dumps(a)}"
}

# status_is EXPRESSION: over d, ca[name] and token[label].
status_is() {
	[ "$(ask status "bool($1)" 2>/dev/null)" = True ]
}

bridge_fail() {
	tail -n 40 "$WORK/bridge.log" >&2
	[ ! -e "$WORK/drive.log" ] || tail -n 10 "$WORK/drive.log" >&2
	ask status >&2 || true
	fail "$@"
}

# until_status SECONDS EXPRESSION
until_status() {
	[ "$(ask_within "$1" status "bool($2)")" = True ] || bridge_fail "never became true: $2"
}

bridge_start() {
	"$BIN/iothsm-bridge" -c "$WORK/bridge.conf" >>"$WORK/bridge.log" 2>&1 &
	BRIDGE_PID=$!
	PIDS+=("$BRIDGE_PID")
	until_status 20 "not d['initialising']"
}

# A scan of the tokens that began after this call has ended.
bridge_rescan() {
	local scans
	scans=$(ask status "d['scans']")
	kill -HUP "$BRIDGE_PID"
	until_status 20 "d['scans'] > $scans"
}

# Ends it by the given command and expects status 0.
bridge_end() {
	local status=0
	"$@" >/dev/null
	wait "$BRIDGE_PID" || status=$?
	[ "$status" -eq 0 ] || bridge_fail "the bridge ended with $status"
	[ ! -e "$CONTROL" ] || fail "the control socket is left over"
}

jobs_count() {
	grep -c 'worker: job done' "$WORK/bridge.log" || true
}

jobs_done() {
	[ "$(jobs_count)" -ge "$1" ]
}

# bridge_memory FIELD: KiB of its memory, by the kernel's count.
bridge_memory() {
	awk -v field="$1:" '$1 == field { print $2 }' "/proc/$BRIDGE_PID/smaps_rollup"
}
