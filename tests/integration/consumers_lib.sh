# SPDX-License-Identifier: Apache-2.0
# What the tests of other people's programs share: a token with two key pairs, and OpenSSL's engine. Sourced by bash.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# token_with_keys LABEL: running agent, an EC key (id 01, "ec") and an RSA key (id 02, "rsa").
token_with_keys() {
	TOKEN=$1
	softhsm_new
	softhsm_token "$TOKEN"
	agent_start
	p11 --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label ec >/dev/null
	p11 --login --pin "$PIN" --keypairgen --key-type rsa:2048 --id 02 --label rsa >/dev/null
}

key_uri() {
	printf 'pkcs11:token=%s;object=%s;type=private' "$TOKEN" "$1"
}

# engine_conf: from now on every OpenSSL in this script finds the engine, and the engine our module and PIN.
engine_conf() {
	cat >"$WORK/openssl.cnf" <<-CONF
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
		x509_extensions = extensions
		[dn]
		[extensions]
		basicConstraints = critical,CA:TRUE
		subjectAltName = DNS:localhost
	CONF
	export OPENSSL_CONF=$WORK/openssl.cnf
}

# engine_certificate KEY: $WORK/KEY.pem, self-signed on the token.
engine_certificate() {
	logged "$1.log" stock openssl req -new -x509 -engine pkcs11 -keyform engine -key "$(key_uri "$1")" \
		-subj "/CN=$1" -days 30 -out "$WORK/$1.pem"
}

# logged FILE COMMAND…: its output is shown when it fails.
logged() {
	local file=$WORK/$1
	shift
	"$@" >"$file" 2>&1 </dev/null || fail "$*: $(tail -c 3000 "$file")"
}
