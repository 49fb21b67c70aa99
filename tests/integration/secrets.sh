# SPDX-License-Identifier: Apache-2.0
# After a logout no PIN, key value or plaintext is left in the memory of agent, token host and client.
. "$(dirname "$0")/lib.sh"

SECRETS=$WORK/secrets
SCAN=$IOTHSM_SOURCE/tests/integration/memory_scan.py
mkdir -p "$SECRETS"
for name in pin so_pin new_pin last_pin key value plaintext; do
	printf %s "$(openssl rand -hex 8)" >"$SECRETS/$name"
done
softhsm_new
softhsm2-util --init-token --free --label gamma --pin "$(<"$SECRETS/pin")" --so-pin "$(<"$SECRETS/so_pin")" >/dev/null

# client MODULE: starts one, whose steps `step` asks for.
client() {
	rm -f "$WORK/steps"
	mkfifo "$WORK/steps"
	: >"$WORK/done"
	"$IOTHSM_BUILD/bin/test_secrets" "$1" gamma "$SECRETS" <"$WORK/steps" >>"$WORK/done" 2>"$WORK/client.log" &
	CLIENT_PID=$!
	PIDS+=("$CLIENT_PID")
	exec {STEPS}>"$WORK/steps"
}

step() {
	: >"$WORK/done"
	echo "$1" >&"$STEPS"
	wait_for 30 grep -qx "$1" "$WORK/done" || fail "the step '$1': $(cat "$WORK/client.log")"
}

# scan PID NAME…: where the secrets lie.
scan() {
	local pid=$1
	shift
	python3 "$SCAN" "$pid" "${@/#/$SECRETS/}" || fail "the memory of $pid cannot be read: be root, with CAP_SYS_PTRACE"
}

expect_clean() {
	local what=$1 found
	shift
	found=$(scan "$@")
	[ -z "$found" ] || fail "$what: $(head -n 20 <<<"$found")"
}

# So that a search which finds nothing means something.
expect_found() {
	local found
	found=$(scan "$2" pin)
	[ -n "$found" ] || fail "the search does not find the PIN in $1"
}

# What the library keeps to itself, in a process without us, is no leak of ours.
ALL=(pin so_pin new_pin last_pin key value plaintext)
say "the library alone"
client "$SOFTHSM"
step in
step out
scan "$CLIENT_PID" "${ALL[@]}" | tee "$WORK/library"
exec {STEPS}>&-
wait "$CLIENT_PID" || fail "the client of the library: $(cat "$WORK/client.log")"

agent_start
client "$MODULE"

say "logged in: the agent and the host hold the PIN for a restart, and the search finds it"
step in
HOST_PID=$(host_pid)
expect_found "the agent" "$AGENT_PID"
expect_found "the token host" "$HOST_PID"
expect_clean "the agent knows more than the PIN" "$AGENT_PID" so_pin key value plaintext
expect_clean "the token host keeps what it was given" "$HOST_PID" so_pin value plaintext
expect_clean "the client's module keeps what it was given" "$CLIENT_PID" "${ALL[@]}"

say "neither leaves a core, nor gains rights by a program that it starts"
for pid in "$AGENT_PID" "$HOST_PID"; do
	expect_text '^NoNewPrivs:[[:space:]]+1$' "/proc/$pid/status"
	expect_text '^Max core file size +0 +0 ' "/proc/$pid/limits"
done

say "logged out: nothing is left"
step out
expect_clean "the agent after the logout" "$AGENT_PID" "${ALL[@]}"
expect_clean "the token host after the logout" "$HOST_PID" "${ALL[@]}"
expect_clean "the client after the logout" "$CLIENT_PID" "${ALL[@]}"

say "the same with a host that died and got the login back"
step in
kill -9 "$HOST_PID"
step use
HOST_PID=$(host_pid)
expect_found "the new token host" "$HOST_PID"
step out
expect_clean "the agent after the second logout" "$AGENT_PID" "${ALL[@]}"
expect_clean "the new token host after the logout" "$HOST_PID" "${ALL[@]}"
expect_clean "the client after the second logout" "$CLIENT_PID" "${ALL[@]}"

say "after a wrong PIN, the SO's login, C_InitPIN and C_SetPIN"
for name in wrong so change; do
	step "$name"
	expect_clean "the agent after '$name'" "$AGENT_PID" "${ALL[@]}"
	expect_clean "the token host after '$name'" "$HOST_PID" "${ALL[@]}"
	expect_clean "the client after '$name'" "$CLIENT_PID" "${ALL[@]}"
done
exec {STEPS}>&-
wait "$CLIENT_PID" || fail "the client: $(cat "$WORK/client.log")"
