# SPDX-License-Identifier: Apache-2.0
# Inside a fresh Debian with the packages beside this file: what an administrator does with them, from installation to purge.
set -euo pipefail
cd "$(dirname "$0")"
AGENT_PID=

say() {
	printf '== %s\n' "$*"
}

fail() {
	printf 'FAILED: %s\n' "$*"
	cat /tmp/agent.log 2>/dev/null || true
	exit 1
}

expect_equal() {
	[ "$1" = "$2" ] || fail "$3: expected '$2', got '$1'"
}

# wait_for SECONDS COMMAND…: until it succeeds.
wait_for() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		read -r -t 0.05 <&"$NEVER" || true
	done
}
exec {NEVER}<> <(:)

# With all groups that the packages gave the user, and no privilege.
confined=(--init-groups --bounding-set=-all --inh-caps=-all --no-new-privs)

become() { # USER COMMAND…
	setpriv --reuid "$1" --regid "$1" "${confined[@]}" "${@:2}"
}

agent_answers() {
	become alice iothsm token list | grep .
}

agent_start() {
	setpriv --reuid iothsm --regid iothsm "${confined[@]}" iothsm-agent >>/tmp/agent.log 2>&1 &
	AGENT_PID=$!
	wait_for 30 agent_answers || fail "the agent does not answer"
}

agent_stop() {
	kill "$AGENT_PID"
	wait "$AGENT_PID" || fail "the agent ended with $?"
}

# As root, who may use the PIN that the agent keeps: nobody types one.
sign_with_kept_pin() {
	pkcs11-tool --module "$MODULE" --login --sign -m ECDSA --id 01 \
		-i /tmp/digest -o /tmp/signature >/tmp/sign.log 2>&1
}

say "installation with the dependencies that were computed"
apt-get install -qy --no-install-recommends -o Dpkg::Options::=--force-unsafe-io ./*_1.0_*.deb >/tmp/apt.log 2>&1 ||
	fail "$(tail -n 30 /tmp/apt.log)"
MODULE=$(dpkg-query -L iothsm-module | grep '/pkcs11/libiothsm-pkcs11\.so$')
expect_equal "$(id -nG iothsm)" "iothsm softhsm iothsm-clients" "groups of the agent"
expect_equal "$(id -nG iothsm-bridge)" "iothsm-bridge iothsm-clients" "groups of the bridge"
expect_equal "$(stat -c '%U:%a' /var/lib/iothsm/agent /var/lib/iothsm/bridge /run/iothsm | xargs)" \
	"iothsm:700 iothsm-bridge:700 iothsm:755" "directories"
ldconfig -p | grep -q libiothsm-pkcs11.so.0 || fail "the loader does not know the module"
[ -e /etc/systemd/system/sockets.target.wants/iothsm-agent.socket ] || fail "the socket is not enabled"
[ ! -e /etc/systemd/system/multi-user.target.wants/iothsm-bridge.service ] || fail "the bridge is enabled unconfigured"
dpkg --verify iothsm-module iothsm-agent iothsm-bridge iothsm-tools || fail "dpkg --verify"

say "the demo against the installed programs, each as its own user"
tools/demo --installed >/tmp/demo.log 2>&1 || fail "$(cat /tmp/demo.log)"
grep -E '^  (certificate|CRL|CMS)' /tmp/demo.log

say "a token with a kept PIN in the installed configuration"
useradd --no-create-home --user-group --groups iothsm-clients alice
printf '648219\n' >/tmp/pin
printf '93847561\n' >/tmp/so-pin
chown alice /tmp/pin /tmp/so-pin
head -c 32 /dev/zero >/tmp/digest
agent_start
become alice iothsm token init --label kept --so-pin-file /tmp/so-pin --new-pin-file /tmp/pin >/tmp/init.log 2>&1 ||
	fail "token init: $(cat /tmp/init.log)"
become alice pkcs11-tool --module "$MODULE" --login --pin 648219 --keypairgen --key-type EC:prime256v1 --id 01 \
	--label key >/tmp/keygen.log 2>&1 || fail "keypairgen: $(cat /tmp/keygen.log)"
iothsm pin keep --token kept --pin-file /tmp/pin || fail "pin keep"
sign_with_kept_pin || fail "a signature with the kept PIN: $(cat /tmp/sign.log)"

say "an upgrade keeps configuration, keys and PINs"
echo '# precious' >>/etc/iothsm/agent.conf
dpkg -i ./*_1.1_*.deb >/tmp/dpkg.log 2>&1 || fail "$(cat /tmp/dpkg.log)"
expect_equal "$(dpkg-query -W -f '${Version}' iothsm-agent)" 1.1 "version"
grep -q '^# precious' /etc/iothsm/agent.conf || fail "the configuration was overwritten"
sign_with_kept_pin || fail "the agent of before the upgrade: $(cat /tmp/sign.log)"
agent_stop
agent_start
sign_with_kept_pin || fail "the agent of after the upgrade: $(cat /tmp/sign.log)"
agent_stop

say "removal keeps everything, purge keeps keys and state"
kept=$(cd /var/lib/iothsm && find . -type f | sort)
grep -q /pins/ <<<"$kept" || fail "no PIN is kept"
dpkg -r iothsm-tools iothsm-bridge iothsm-agent >/tmp/dpkg.log 2>&1 || fail "$(cat /tmp/dpkg.log)"
[ -e /etc/iothsm/agent.conf ] || fail "removal took the configuration"
expect_equal "$(cd /var/lib/iothsm && find . -type f | sort)" "$kept" "state after removal"
dpkg -P iothsm-agent >/tmp/dpkg.log 2>&1 || fail "$(cat /tmp/dpkg.log)"
[ ! -e /etc/iothsm/agent.conf ] || fail "purge left the configuration"
expect_equal "$(cd /var/lib/iothsm && find . -type f | sort)" "$kept" "state after purge"
grep -q 'stays in /var/lib/iothsm/agent' /tmp/dpkg.log || fail "purge does not say what it leaves: $(cat /tmp/dpkg.log)"

say "a new installation finds them"
dpkg -i ./iothsm-{agent,bridge,tools}_1.1_*.deb >/tmp/dpkg.log 2>&1 || fail "$(cat /tmp/dpkg.log)"
agent_start
sign_with_kept_pin || fail "the agent of after the purge: $(cat /tmp/sign.log)"
agent_stop

say "purge removes them when asked to"
touch /var/lib/iothsm/bridge/purge
dpkg -P iothsm-tools iothsm-bridge >/tmp/dpkg.log 2>&1 || fail "$(cat /tmp/dpkg.log)"
[ ! -e /var/lib/iothsm/bridge ] || fail "purge left the state of the bridge"
[ -e /var/lib/iothsm/agent ] || fail "purge of the bridge took the agent's state"
IOTHSM_PURGE_STATE=yes dpkg -P iothsm-agent iothsm-module >/tmp/dpkg.log 2>&1 || fail "$(cat /tmp/dpkg.log)"
[ ! -e /var/lib/iothsm ] || fail "purge left $(find /var/lib/iothsm)"
left=$(find / -xdev -not -path '/packages*' -not -path '/tmp/*' -not -path /run/iothsm -name '*iothsm*')
[ -z "$left" ] || fail "the purged packages left: $left"
