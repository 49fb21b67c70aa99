# SPDX-License-Identifier: Apache-2.0
# The command line on a running agent: keys prepared and imported, certificate authorities made, PINs kept.
. "$(dirname "$0")/lib.sh"

unset IOTHSM_MODULE
softhsm_new
softhsm_token first
serial=$(token_serial first)
agent_start
iothsm() {
	"$BIN/iothsm" "$@"
}
printf '%s\n' "$PIN" >"$WORK/pin"
printf '%s\n' "$SO_PIN" >"$WORK/so-pin"
printf 'wrong-one\n' >"$WORK/wrong"

# quietly COMMAND…: its output only when it fails.
quietly() {
	"$@" >"$WORK/quiet" 2>&1 || fail "$*: $(cat "$WORK/quiet")"
}

# expect_status STATUS TEXT COMMAND…
expect_status() {
	local expected=$1 text=$2 status=0 output
	shift 2
	output=$("$@" 2>&1) || status=$?
	expect_equal "$status" "$expected" "status of $*: $output"
	grep -qF -- "$text" <<<"$output" || fail "'$text' is not said by: $*: $output"
}

ca_field() { # ID FIELD
	iothsm ca show --token first --id "$1" --json --pin-file "$WORK/pin" | jq -r ".$2"
}

say "an HSM Provisioning Certificate"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -subj "/C=DE/O=Example, Inc/CN=Root" -days 3650 \
	-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
	-addext 'nameConstraints=critical,permitted;DNS:example.com' -out "$WORK/template.pem" 2>/dev/null

say "status tells the agent's tokens"
quietly iothsm status --json
iothsm status --json | jq -e --arg serial "$serial" '.agent | tostring | contains($serial)' >/dev/null ||
	fail "no token in the status: $(iothsm status --json)"
iothsm token show -t first | grep -qP '^provisioning\tyes$' || fail "the token does not say that it can provision"

number=10
# SoftHSM2 2.6.1 leaks with each Ed25519 signature, which LeakSanitizer would count against its host; RSA-4096 is slow.
types=(rsa:2048 EC:prime256v1 EC:secp384r1 EC:secp521r1)
imported=(
	"31 rsa:2048 -algorithm RSA -pkeyopt rsa_keygen_bits:2048"
	"32 EC:prime256v1 -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
	"33 EC:secp384r1 -algorithm EC -pkeyopt ec_paramgen_curve:P-384"
	"34 EC:secp521r1 -algorithm EC -pkeyopt ec_paramgen_curve:P-521"
)
if [ -z "${IOTHSM_SANITIZE:-}" ]; then
	types+=(rsa:4096 ed25519)
	imported+=("35 rsa:4096 -algorithm RSA -pkeyopt rsa_keygen_bits:4096" "36 ed25519 -algorithm ED25519")
fi
for type in "${types[@]}"; do
	id=$((number += 1))
	say "$type: prepare, root, request"
	quietly iothsm key prepare --token first --id "$id" --label "demo $type" --type "$type" --pin-file "$WORK/pin"
	expect_equal "$(ca_field "$id" state)" "partially provisioned" "state of a prepared key"
	expect_equal "$(ca_field "$id" type)" "$type" "type"
	iothsm ca self-sign --token first --id "$id" "$WORK/template.pem" -o "$WORK/root.pem" --pin-file "$WORK/pin" \
		>"$WORK/out" 2>"$WORK/notes" || fail "self-sign: $(cat "$WORK/notes")"
	expect_text 'extension X509v3 Key Usage, critical' "$WORK/notes"
	expect_text 'warning: nameConstraints' "$WORK/notes"
	openssl verify -check_ss_sig -CAfile "$WORK/root.pem" "$WORK/root.pem" >/dev/null || fail "the root does not verify"
	expect_equal "$(ca_field "$id" state)" provisioned "state of a root"
	expect_equal "$(ca_field "$id" sha256)" \
		"$(openssl x509 -in "$WORK/root.pem" -outform DER | sha256sum | cut -d ' ' -f 1)" "fingerprint"
	iothsm ca csr --token first --id "$id" "$WORK/template.pem" --pin-file "$WORK/pin" >"$WORK/req.pem" 2>/dev/null ||
		fail "no request for $type"
	openssl req -in "$WORK/req.pem" -verify -noout 2>/dev/null || fail "the request does not verify"
done

iothsm ca csr --token first --id "$id" "$WORK/template.pem" --pin-file "$WORK/pin" --json 2>/dev/null | jq -r .pem |
	openssl req -verify -noout 2>/dev/null || fail "no request comes as JSON"

say "a certificate signed elsewhere is imported; that of another key is refused"
openssl x509 -req -in "$WORK/req.pem" -CA "$WORK/template.pem" -CAkey "$WORK/ca.key" -days 30 -copy_extensions copyall \
	-out "$WORK/signed.pem" 2>/dev/null
quietly iothsm ca import-cert --token first --id "$id" "$WORK/signed.pem" --pin-file "$WORK/pin"
expect_equal "$(ca_field "$id" self_signed)" "true" "names of an imported certificate of the same subject"
expect_equal "$(ca_field "$id" sha256)" "$(openssl x509 -in "$WORK/signed.pem" -outform DER | sha256sum | cut -d ' ' -f 1)" \
	"fingerprint of the imported certificate"
expect_status 7 CKR_IOTHSM_KEY_MISMATCH iothsm ca import-cert --token first --id 11 "$WORK/signed.pem" --pin-file "$WORK/pin"
expect_status 7 CKR_IOTHSM_SLOT_IN_USE iothsm key prepare --token first --id 11 --type rsa:2048 --pin-file "$WORK/pin"
expect_status 6 "no private key with id 99" iothsm ca csr --token first --id 99 "$WORK/template.pem" --pin-file "$WORK/pin"
expect_status 8 "is no certificate" iothsm ca csr --token first --id 11 "$WORK/pin" --pin-file "$WORK/pin"

say "encrypted private keys are imported, prepared, self-signed, used"
printf 'sesame\n' >"$WORK/password"
while read -r id type options; do
	# shellcheck disable=SC2086
	openssl genpkey $options -out "$WORK/plain.pem" 2>/dev/null
	openssl pkcs8 -topk8 -in "$WORK/plain.pem" -out "$WORK/encrypted.pem" -passout pass:sesame
	quietly iothsm key import --token first --id "$id" --label imported --pin-file "$WORK/pin" \
		--password-file "$WORK/password" "$WORK/encrypted.pem"
	expect_equal "$(ca_field "$id" type) $(ca_field "$id" state)" "$type partially provisioned" "imported $type"
	quietly iothsm ca self-sign --token first --id "$id" "$WORK/template.pem" -o "$WORK/root.pem" --pin-file "$WORK/pin"
	openssl verify -check_ss_sig -CAfile "$WORK/root.pem" "$WORK/root.pem" >/dev/null || fail "$type: the root does not verify"
	cmp <(openssl x509 -in "$WORK/root.pem" -noout -pubkey) <(openssl pkey -in "$WORK/plain.pem" -pubout) ||
		fail "$type: the root has another key"
done < <(printf '%s\n' "${imported[@]}")

say "a kept PIN needs no PIN; forgotten, it is asked for again"
quietly iothsm pin keep --token first --pin-file "$WORK/pin"
expect_equal "$(iothsm token show -t first --json | jq .kept_pin)" true "kept PIN"
expect_equal "$(iothsm key list -t first --json | jq '[.[] | select(.private)] | length')" $((${#types[@]} + ${#imported[@]})) \
	"private keys with the kept PIN"
expect_status 5 CKR_PIN_INCORRECT iothsm pin keep --token first --pin-file "$WORK/wrong"
quietly iothsm pin forget --token first
expect_equal "$(iothsm token show -t first --json | jq .kept_pin)" false "forgotten PIN"

say "wrong PINs lock this user out until they are forgotten"
quietly iothsm pin unlock --token first
for _ in 1 2 3; do
	expect_status 5 "CKR_PIN_" iothsm key list --token first --pin-file "$WORK/wrong"
done
expect_status 5 CKR_PIN_LOCKED iothsm key list --token first --pin-file "$WORK/pin"
quietly iothsm pin unlock --token first
quietly iothsm key list --token first --pin-file "$WORK/pin"

say "a token is initialised and deleted through the agent"
quietly iothsm token init --label second --so-pin-file "$WORK/so-pin" --new-pin-file "$WORK/pin"
expect_equal "$(iothsm token list --json | jq -r '[.[] | select(.initialised) | .label] | sort | join(" ")')" "first second" \
	"tokens"
expect_status 2 "name one by --token" iothsm ca show --id 11
quietly iothsm key prepare --token second --id 01 --type EC:prime256v1 --pin-file "$WORK/pin"
expect_status 5 CKR_PIN_INCORRECT iothsm token delete --token second --yes --so-pin-file "$WORK/wrong"
quietly iothsm token delete --token second --yes --so-pin-file "$WORK/so-pin"
tokens_left() {
	[ "$(iothsm token list --json | jq -r '[.[] | select(.initialised) | .label] | join(" ")')" = first ]
}
wait_for 20 tokens_left || fail "the token is still there: $(iothsm token list)"

say "without an agent the command line says so"
kill "$AGENT_PID"
wait "$AGENT_PID" || true
expect_status 3 "does not answer" iothsm key list --pin-file "$WORK/pin"
expect_status 3 "does not answer" iothsm status
