# SPDX-License-Identifier: Apache-2.0
# OpenSSH: a login, an agent and a certificate, each with a key on the token.
. "$(dirname "$0")/consumers_lib.sh"

token_with_keys ssh
# PIN questions are answered by a program, as on a desktop.
printf '#!/bin/sh\necho %s\n' "$PIN" >"$WORK/askpass"
chmod +x "$WORK/askpass"
export SSH_ASKPASS=$WORK/askpass SSH_ASKPASS_REQUIRE=force

logged keygen.log stock ssh-keygen -D "$MODULE"
grep -E '^(ecdsa|ssh-rsa)' "$WORK/keygen.log" >"$WORK/authorized"
expect_equal "$(wc -l <"$WORK/authorized")" 2 "public keys by ssh-keygen -D"

say "ssh-keygen -s -D: a certificate signed on the token"
ssh-keygen -q -t ed25519 -N '' -C user -f "$WORK/user"
for key in ecdsa ssh-rsa; do
	grep "^$key" "$WORK/authorized" >"$WORK/ca.pub"
	logged sign.log stock ssh-keygen -s "$WORK/ca.pub" -D "$MODULE" -I identity -n someone "$WORK/user.pub"
	logged show.log ssh-keygen -L -f "$WORK/user-cert.pub"
	expect_text "Signing CA: .* $(ssh-keygen -l -f "$WORK/ca.pub" | cut -d' ' -f2 | sed 's/[+]/[+]/g')" "$WORK/show.log"
done

say "ssh logs in"
ssh-keygen -q -t ed25519 -N '' -f "$WORK/hostkey"
cat >"$WORK/sshd_config" <<CONF
HostKey $WORK/hostkey
AuthorizedKeysFile $WORK/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PidFile none
LogLevel VERBOSE
CONF
# sshd as root wants its own run directory, which the package's service makes.
[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd

login() { # OPTIONS…: one connection to an sshd of our own, without a port
	stock ssh -F none -o "ProxyCommand=env -u LD_PRELOAD /usr/sbin/sshd -i -f $WORK/sshd_config -E $WORK/sshd.log" \
		-o "UserKnownHostsFile=$WORK/known" -o StrictHostKeyChecking=accept-new -o PasswordAuthentication=no \
		"$@" localhost echo "logged in" >"$WORK/ssh.out" 2>"$WORK/ssh.log" </dev/null ||
		fail "ssh: $(tail -n 20 "$WORK/ssh.log" "$WORK/sshd.log")"
	expect_equal "$(cat "$WORK/ssh.out")" "logged in" "what the login prints"
}

for algorithm in ecdsa-sha2-nistp256 rsa-sha2-512; do
	login -o PKCS11Provider="$MODULE" -o IdentityFile=none -o IdentityAgent=none -o PubkeyAcceptedAlgorithms=$algorithm
	expect_text 'Accepted publickey' "$WORK/sshd.log"
done

say "ssh-agent lets in what its list allows, and signs"
# A copy is not set-group-id, so that the loader keeps the sanitizer's runtime.
cp "$(command -v ssh-agent)" "$WORK/ssh-agent"
export SSH_AUTH_SOCK=$WORK/ssh-agent.sock
stock exec "$WORK/ssh-agent" -D -a "$SSH_AUTH_SOCK" -P "$(dirname "$(realpath "$MODULE")")/*" >"$WORK/ssh-agent.log" 2>&1 &
PIDS+=("$!")
wait_for 10 test -S "$SSH_AUTH_SOCK" || fail "ssh-agent does not start"
expect_failure 'agent refused operation' ssh-add -s "$SOFTHSM"
logged ssh-add.log ssh-add -s "$MODULE"
expect_equal "$(ssh-add -L | cut -d' ' -f1,2 | sort)" "$(cut -d' ' -f1,2 "$WORK/authorized" | sort)" "keys of the agent"
logged test.log ssh-add -T "$WORK/ca.pub"
login -o IdentityFile=none
logged ssh-add.log ssh-add -e "$MODULE"
expect_failure 'no identities' ssh-add -L
