# SPDX-License-Identifier: Apache-2.0
# Programs that others wrote use a key through the module: OpenSSL's engine, ssh-keygen, p11tool, a linked program.
. "$(dirname "$0")/consumers_lib.sh"

softhsm_new
softhsm_token beta
agent_start
login=(--login --pin "$PIN")
p11 "${login[@]}" --keypairgen --key-type EC:prime256v1 --id 01 --label engine-key >/dev/null
p11 "${login[@]}" --keypairgen --key-type rsa:2048 --id 02 --label ssh-key >/dev/null

say "openssl req -engine pkcs11"
cat >"$WORK/openssl.cnf" <<CONF
openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
MODULE_PATH = $MODULE
PIN = $PIN
init = 0
[req]
distinguished_name = dn
[dn]
CONF
OPENSSL_CONF=$WORK/openssl.cnf stock openssl req -new -engine pkcs11 -keyform engine \
	-key "pkcs11:token=beta;object=engine-key;type=private" -subj /CN=engine -out "$WORK/engine.csr" 2>"$WORK/engine.log" ||
	fail "openssl req: $(cat "$WORK/engine.log")"
openssl req -in "$WORK/engine.csr" -verify -noout 2>/dev/null || fail "the request does not verify"

say "ssh-keygen -D"
stock ssh-keygen -D "$MODULE" >"$WORK/ssh.keys" 2>/dev/null </dev/null || fail "ssh-keygen -D"
expect_text '^ecdsa-sha2-nistp256 ' "$WORK/ssh.keys"
expect_text '^ssh-rsa ' "$WORK/ssh.keys"

say "p11tool"
stock p11tool --provider "$MODULE" --list-tokens >"$WORK/p11tool.tokens" 2>&1
expect_text 'token=beta' "$WORK/p11tool.tokens"
GNUTLS_PIN=$PIN stock p11tool --provider "$MODULE" --login --list-all 'pkcs11:token=beta' >"$WORK/p11tool.all" 2>&1 || fail "p11tool --list-all"
expect_text 'object=engine-key;type=private' "$WORK/p11tool.all"
GNUTLS_PIN=$PIN stock p11tool --provider "$MODULE" --login --test-sign 'pkcs11:token=beta;object=ssh-key;type=private' \
	>"$WORK/p11tool.sign" 2>&1 || fail "p11tool --test-sign: $(cat "$WORK/p11tool.sign")"

say "a program linked with pkg-config --libs iothsm-pkcs11"
cmake --install "$IOTHSM_BUILD" --prefix "$WORK/usr" --component module >/dev/null
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$WORK/usr" -name iothsm-pkcs11.pc)")
# The file names the configured prefix; the tree was installed elsewhere for this test.
pkg-config() {
	command pkg-config --define-prefix "$@"
}
cc() {
	command cc ${IOTHSM_SANITIZE:+-fsanitize=$IOTHSM_SANITIZE} "$@"
}
export -f pkg-config cc
export IOTHSM_SANITIZE
cp "$IOTHSM_SOURCE/tests/support/linked.c" "$WORK/program.c"
cd "$WORK"
as_written C
# Below /usr the loader finds it by itself.
ASAN_OPTIONS=detect_leaks=0 LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH") "$WORK/program" >"$WORK/linked.out" ||
	fail "the linked program"
expect_text 'iothsm' "$WORK/linked.out"
expect_text 'token beta' "$WORK/linked.out"
