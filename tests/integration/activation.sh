# SPDX-License-Identifier: Apache-2.0
# Socket activation: the agent serves systemd's socket and says that it is ready; an upgrade that restarts it behind the
# open socket makes new clients wait and fails none.
. "$(dirname "$0")/lib.sh"

softhsm_new
softhsm_token activated
agent_conf
sed -i "s|^socket = .*|socket = \"$WORK/unused.sock\"|" "$WORK/agent.conf"
mkdir "$WORK/state"

coproc SYSTEMD { exec python3 -IS "$IOTHSM_SOURCE/tests/integration/activation.py" "$WORK/agent.sock" "$BIN/iothsm-agent" \
	"$WORK/agent.conf" "$WORK/agent.log"; }
PIDS+=("$SYSTEMD_PID")
exec {TO}>&"${SYSTEMD[1]}" {FROM}<&"${SYSTEMD[0]}"

# expect_said WORD: the next line begins with it; the number after it is the agent's process.
expect_said() {
	local word
	read -r -t 90 word AGENT_PID <&"$FROM" || fail "nothing was said"
	[ "$word" != ready ] || PIDS+=("$AGENT_PID")
	expect_equal "$word" "$1" "what was said"
}

echo start >&"$TO"
expect_said ready

say "systemd's socket is served, no other is made"
p11 --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label key >/dev/null || fail "keypairgen"
[ ! -e "$WORK/unused.sock" ] || fail "the agent made a socket of its own"

say "clients that come while there is no agent wait for the next one"
echo stop >&"$TO"
expect_said stopped
[ -S "$WORK/agent.sock" ] || fail "the agent removed systemd's socket"
clients=()
for n in 1 2 3 4; do
	p11 --login --pin "$PIN" -O >"$WORK/client.$n" 2>&1 &
	clients+=("$!")
done
is_queued() { # a connection that nobody has accepted yet
	grep -c "$WORK/agent.sock" /proc/net/unix | grep -qvE '^[01]$'
}
wait_for 20 is_queued || fail "no client waits at the socket"
echo start >&"$TO"
expect_said ready
for n in 1 2 3 4; do
	wait "${clients[n - 1]}" || fail "client $n: $(cat "$WORK/client.$n")"
	expect_text 'Private Key' "$WORK/client.$n"
done
