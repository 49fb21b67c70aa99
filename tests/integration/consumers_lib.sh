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

# plain_module: for programs that do not bear a sanitizer's runtime in front of them. In a sanitized tree agent and token
# host stay sanitized; the module is the one that is built without.
plain_module() {
	[ -n "$SANITIZER_PRELOAD" ] || return 0
	MODULE=$IOTHSM_BUILD/lib/plain/libiothsm-pkcs11.so
	SANITIZER_PRELOAD=
}

# logged FILE COMMAND…: its output is shown when it fails.
logged() {
	local file=$WORK/$1
	shift
	"$@" >"$file" 2>&1 </dev/null || fail "$*: $(tail -c 3000 "$file")"
}

# manual TITLE [N]: the Nth example under this title of iothsm-pkcs11(7), as a reader copies it.
manual() {
	local text
	text=$(awk -v title=".SS $1" -v wanted="${2:-1}" '
		/^\.S[SH]/ { inside = ($0 == title) }
		/^\.EE/ { shown = 0 }
		shown { print }
		inside && /^\.EX/ { shown = (++number == wanted) }' "$IOTHSM_SOURCE/module/iothsm-pkcs11.7")
	[ -n "$text" ] || fail "iothsm-pkcs11(7) has no example ${2:-1} of $1"
	sed 's/\\-/-/g; s/\\e/\\/g; s/\\(dq/"/g' <<<"$text"
}

# as_written TITLE [N]: runs it.
as_written() {
	say "iothsm-pkcs11(7): $1 ${2:-}"
	manual "$@" >"$WORK/manual.sh"
	logged manual.log bash -eu "$WORK/manual.sh"
}

# token_of_manual: what the page takes for granted: a token "office" whose PIN the agent keeps, its variables, a message.
# WORKER may use it too: www-data, as which the workers of servers run where the test is root.
token_of_manual() {
	TOKEN=office
	WORKER=$(id -un)
	[ "$(id -u)" -ne 0 ] || WORKER=www-data
	softhsm_new
	softhsm_token "$TOKEN"
	agent_conf "token \"$(token_serial "$TOKEN")\" { pin_users = {\"$(id -un)\", \"$WORKER\"} }"
	agent_start
	if [ "$WORKER" = www-data ]; then
		chmod 711 "$WORK"
		chgrp www-data "$WORK/agent.sock"
	fi
	printf '%s\n' "$PIN" >"$WORK/pin"
	logged keep.log "$BIN/iothsm" --module "$MODULE" pin keep --token "$TOKEN" --pin-file "$WORK/pin"
	export WORK M=$MODULE PKCS11_MODULE_PATH=$MODULE HOME=$WORK/home
	# Debian's programs, whatever else this machine has.
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin
	mkdir -p "$HOME"
	cd "$WORK"
	echo "a message" >message
}
