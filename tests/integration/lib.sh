# SPDX-License-Identifier: Apache-2.0
# What every integration test needs: a directory, a SoftHSM2 token, an agent, and assertions. Sourced by bash.
set -euo pipefail

: "${IOTHSM_BUILD:?the build tree}" "${IOTHSM_SOURCE:?the source tree}"
BIN=$IOTHSM_BUILD/bin
MODULE=$IOTHSM_BUILD/lib/libiothsm-pkcs11.so
SOFTHSM=/usr/lib/softhsm/libsofthsm2.so
PIN=648219
SO_PIN=93847561
WORK=$(mktemp -d)
PIDS=()

# A sanitized module needs its runtime in front of a stock program, which has leaks of its own.
SANITIZER_PRELOAD=
case ${IOTHSM_SANITIZE:-} in
*address*) SANITIZER_PRELOAD=$(gcc -print-file-name=libasan.so) ;;
*thread*) SANITIZER_PRELOAD=$(gcc -print-file-name=libtsan.so) ;;
esac

# libcrypto has no frame pointers: only the slow unwinder finds out who leaked through it.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}fast_unwind_on_malloc=0
export LSAN_OPTIONS=suppressions=$IOTHSM_SOURCE/tests/support/lsan.supp:print_suppressions=0
export TSAN_OPTIONS=${TSAN_OPTIONS:+$TSAN_OPTIONS:}suppressions=$IOTHSM_SOURCE/tests/support/tsan.supp

export SOFTHSM2_CONF=$WORK/softhsm2.conf
export IOTHSM_AGENT_SOCKET=$WORK/agent.sock

say() {
	printf '== %s\n' "$*"
}

fail() {
	printf 'FAILED: %s\n' "$*" >&2
	if [ -s "$WORK/agent.log" ]; then
		printf -- '-- the end of the agent'\''s log:\n' >&2
		tail -n 30 "$WORK/agent.log" >&2
	fi
	exit 1
}

finish() {
	local status=$? pid
	for pid in "${PIDS[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in "${PIDS[@]}"; do
		wait "$pid" 2>/dev/null || true
	done
	if [ "$status" -eq 0 ] && grep -lE '(ERROR|WARNING): (Address|Leak|Thread)Sanitizer|runtime error:' "$WORK"/*.log 2>/dev/null; then
		grep -hE -A 20 '(ERROR|WARNING): (Address|Leak|Thread)Sanitizer|runtime error:' "$WORK"/*.log >&2
		status=1
	fi
	rm -rf "$WORK"
	exit "$status"
}
trap finish EXIT

# Runs a stock program with our module inside it.
stock() {
	if [ -n "$SANITIZER_PRELOAD" ]; then
		ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=$SANITIZER_PRELOAD "$@"
	else
		"$@"
	fi
}

p11() {
	stock pkcs11-tool --module "$MODULE" "$@"
}

direct() {
	pkcs11-tool --module "$SOFTHSM" "$@"
}

# wait_for SECONDS COMMAND…: until it succeeds.
wait_for() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		read -r -t 0.05 <>/dev/fd/$WAIT_FD || true
	done
}
# A pipe that never has data: read -t on it waits without starting a process.
exec {WAIT_FD}<> <(:)

expect_equal() {
	[ "$1" = "$2" ] || fail "$3: expected '$2', got '$1'"
}

# expect_failure TEXT COMMAND…: ends non-zero and says TEXT.
expect_failure() {
	local text=$1 output
	shift
	if output=$("$@" 2>&1); then
		fail "succeeded but should not: $*: $output"
	fi
	grep -qF -- "$text" <<<"$output" || fail "'$text' is not said by: $*: $output"
}

expect_text() {
	grep -qE -- "$1" "$2" || fail "no '$1' in $2: $(head -c 2000 "$2")"
}

softhsm_new() {
	mkdir -p "$WORK/tokens"
	cat >"$SOFTHSM2_CONF" <<-CONF
		directories.tokendir = $WORK/tokens
		objectstore.backend = file
		log.level = ERROR
	CONF
}

# softhsm_token LABEL: a token with PIN and SO_PIN.
softhsm_token() {
	softhsm2-util --init-token --free --label "$1" --pin "$PIN" --so-pin "$SO_PIN" >/dev/null
}

token_serial() {
	direct -L 2>/dev/null | awk -v label="$1" '
		/token label/ { found = ($NF == label) }
		found && /serial num/ { print $NF; exit }'
}

# agent_conf [LINES]: the configuration of one SoftHSM2 backend, and more lines.
agent_conf() {
	cat >"$WORK/agent.conf" <<-CONF
		socket = "$WORK/agent.sock"
		state = "$WORK/state"
		backend "softhsm" {
			type = pkcs11
			module = "$SOFTHSM"
			env = {"SOFTHSM2_CONF=$SOFTHSM2_CONF"}
		}
		${1:-}
	CONF
}

agent_answers() {
	[ -S "$WORK/agent.sock" ] && p11 -L | grep -q 'token label'
}

agent_start() {
	[ -e "$WORK/agent.conf" ] || agent_conf
	mkdir -p "$WORK/state"
	"$BIN/iothsm-agent" -c "$WORK/agent.conf" >>"$WORK/agent.log" 2>&1 &
	AGENT_PID=$!
	PIDS+=("$AGENT_PID")
	wait_for 20 agent_answers || fail "the agent does not answer"
}

# The process id of the token host of this test's agent.
host_pid() {
	pgrep -P "$AGENT_PID" -f iothsm-host-pkcs11 | head -n 1
}
