# SPDX-License-Identifier: Apache-2.0
# iothsm-pkcs11(7), PROGRAMS: the lines as they stand there, with a PIN that the agent keeps. Programs that need no server.
. "$(dirname "$0")/consumers_lib.sh"

plain_module
token_of_manual

as_written pkcs11-tool
expect_text 'Signature is valid' "$WORK/manual.log"

as_written OpenSSL
logged verify.log openssl cms -verify -purpose any -CAfile demo.pem -in message.cms
expect_text 'a message' "$WORK/verify.log"

as_written p11tool
expect_text 'object=demo;type=private' "$WORK/manual.log"

as_written NSS
expect_text 'demo' "$WORK/manual.log"

as_written Java
expect_text 'demo, *PrivateKeyEntry' "$WORK/manual.log"

as_written Python
expect_text '^[0-9a-f]{128}$' "$WORK/manual.log"

# A copy is not set-group-id, which would hide the agent's socket from the module.
say "ssh-agent and git"
cp "$(command -v ssh-agent)" "$WORK/ssh-agent"
printf '#!/bin/sh\necho %s\n' "$PIN" >askpass
chmod +x askpass
export SSH_AUTH_SOCK=$WORK/ssh-agent.sock SSH_ASKPASS=$WORK/askpass SSH_ASKPASS_REQUIRE=force
"$WORK/ssh-agent" -D -a "$SSH_AUTH_SOCK" -P "$(dirname "$(realpath "$MODULE")")/*" >"$WORK/ssh-agent.log" 2>&1 &
PIDS+=("$!")
wait_for 10 test -S "$SSH_AUTH_SOCK" || fail "ssh-agent does not start"
mkdir repository
cd repository
logged git.log git init -q
printf 'signed\n' >file
git add file
export GIT_AUTHOR_NAME=demo GIT_AUTHOR_EMAIL=demo@example.org GIT_COMMITTER_NAME=demo GIT_COMMITTER_EMAIL=demo@example.org
as_written git
printf 'demo@example.org %s\n' "$(ssh-keygen -D "$MODULE" 2>/dev/null | head -n 1)" >"$WORK/signers"
logged verify.log git -c gpg.ssh.allowedSignersFile="$WORK/signers" verify-commit HEAD
expect_text 'Good "git" signature for demo@example.org' "$WORK/verify.log"
