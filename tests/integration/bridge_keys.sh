# SPDX-License-Identifier: Apache-2.0
# Every kind of CA key, prepared through the module, does every job with every option: compared with recorded results.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bridge_lib.sh"
VECTORS=$IOTHSM_SOURCE/tests/data/vectors

softhsm_new
softhsm_token demo
printf '%s\n' "$PIN" >"$WORK/pin"
agent_conf "token \"$(token_serial demo)\" { pin_file = \"$WORK/pin\" }"
agent_start

# SoftHSM2 2.6.1 leaks with each Ed25519 signature, which LeakSanitizer would count against its host; large RSA is slow.
types=(rsa:2048 EC:prime256v1 EC:secp384r1 EC:secp521r1)
[ -n "${IOTHSM_SANITIZE:-}" ] || types+=(rsa:3072 rsa:4096 EC:edwards25519)

say "a key and a root of each kind"
names=()
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/unrelated.key"
for type in "${types[@]}"; do
	name=${type#*:}
	id=$((${#names[@]} + 10))
	names+=("$name")
	openssl req -x509 -key "$WORK/unrelated.key" -subj "/O=Example, Inc/CN=$name" -days 3650 \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature \
		-out "$WORK/template.pem"
	p11 --login --pin "$PIN" --keypairgen -m 0xC94F0000 --key-type "$type" --id "$id" --label "$name" >"$WORK/log" 2>&1 ||
		fail "$type: prepare: $(cat "$WORK/log")"
	p11 --login --pin "$PIN" --session-rw --sign -m 0xC94F0001 --id "$id" -i "$WORK/template.pem" -o "$WORK/$name.der" \
		--read-object --type cert >"$WORK/log" 2>&1 || fail "$type: self-sign: $(cat "$WORK/log")"
	openssl x509 -inform der -in "$WORK/$name.der" -out "$WORK/$name.pem" || fail "$type: no certificate"
done
standin_start "${names[@]}"
bridge_conf "$MODULE"
bridge_start
for name in "${names[@]}"; do
	until_status 60 "ca['$name']['connected']"
done

# contents CERTIFICATE: validity, subject and extensions, but what names the issuer.
contents() {
	openssl x509 -in "$1" -noout -text \
		-certopt no_header,no_version,no_serial,no_signame,no_issuer,no_pubkey,no_sigdump |
		sed '/Authority Key Identifier/,+1d'
}

# issue NAME OPTIONS: a certificate for the recorded request.
issue() {
	drive csr "$1" --csr "$VECTORS/keys/leaf.csr" --options "$2" --out "$WORK/leaf.pem" || bridge_fail "csr of $1: $2"
	openssl verify -no_check_time -ignore_critical -CAfile "$WORK/$1.pem" "$WORK/leaf.pem" >/dev/null || fail "leaf of $1: $2"
}

# expected_algorithm NAME HASH: how openssl calls the signature of a certificate for which the hash was asked.
expected_algorithm() {
	case $1 in
	[0-9]*) printf '%sWithRSAEncryption' "$2" ;;
	edwards25519) printf ED25519 ;;
	*) printf 'ecdsa-with-%s' "${2^^}" ;;
	esac
}

reasons=(keyCompromise CACompromise affiliationChanged superseded cessationOfOperation certificateHold removeFromCRL unspecified
	holdInstruction,holdInstructionReject keyTime,20250101000000Z CAkeyTime,20250101000000Z)
{
	printf 'V\t300101000000Z\t\t0A01\tunknown\t/CN=valid\nE\t200101000000Z\t\t0A02\tunknown\t/CN=expired\n'
	printf 'R\t300101000000Z\t260101000000Z\t0b03\tunknown\t/CN=no reason\n'
	for number in "${!reasons[@]}"; do
		printf 'R\t300101000000Z\t260101000000Z,%s\tFF%02X\tunknown\t/CN=x\n' "${reasons[number]}" "$number"
	done
} >"$WORK/database"

csr_jobs() {
	local hash
	issue "$1" "$VECTORS/ext/all.options.json"
	cmp <(contents "$WORK/leaf.pem") <(contents "$VECTORS/ext/all.pem") || fail "$1: not the recorded certificate"
	for hash in sha256 sha384 sha512; do
		printf '{"hash": "%s", "days": 3}' "$hash" >"$WORK/options"
		issue "$1" "$WORK/options"
		expect_equal "$(openssl x509 -in "$WORK/leaf.pem" -noout -text | sed -n 's/^ *Signature Algorithm: //p' | head -n 1)" \
			"$(expected_algorithm "$1" "$hash")" "$1: $hash"
	done
}

crl_jobs() {
	drive crl "$1" --database "$WORK/database" --days 7 --out "$WORK/crl.pem" || bridge_fail "crl of $1"
	openssl crl -in "$WORK/crl.pem" -noout -text -CAfile "$WORK/$1.pem" >"$WORK/crl.txt" 2>&1
	expect_text 'verify OK' "$WORK/crl.txt"
	expect_equal "$(grep -c 'Serial Number' "$WORK/crl.txt")" $((${#reasons[@]} + 1)) "$1: revoked certificates"
	expect_equal "$(grep -c 'CRL Reason Code' "$WORK/crl.txt")" "${#reasons[@]}" "$1: reasons"
	expect_equal "$(grep -c 'Invalidity Date' "$WORK/crl.txt")" 2 "$1: invalidity dates"
	: >"$WORK/empty"
	drive crl "$1" --database "$WORK/empty" || bridge_fail "empty crl of $1"
}

# cms_job NAME FORMAT OPTIONS: the message holds the four bytes NUL, CR, LF and x.
cms_job() {
	printf '{"outform": "%s", %s}' "$2" "$3" >"$WORK/options"
	drive cms "$1" --options "$WORK/options" --out "$WORK/cms" || bridge_fail "cms of $1: $2 $3"
	[ "$2" != DER ] || { base64 -d "$WORK/cms" >"$WORK/cms.der" && mv "$WORK/cms.der" "$WORK/cms"; }
	openssl cms -verify -binary -inform "$2" -in "$WORK/cms" -CAfile "$WORK/$1.pem" -purpose any -out "$WORK/content" \
		2>/dev/null || fail "cms of $1: $2 $3"
	expect_equal "$(od -An -tx1 "$WORK/content")" " 00 0d 0a 78" "$1: content of the message"
	openssl cms -cmsout -print -noout -inform "$2" -in "$WORK/cms" >"$WORK/cms.txt"
}

cms_jobs() {
	local others
	others=$(awk '{ printf "%s\\n", $0 }' "$VECTORS/keys/hsmca_rsa.pem" "$WORK/$1.pem" "$VECTORS/keys/hsmca_rsa.pem")
	cms_job "$1" PEM '"encoding": "hex", "data": "000d0a78"'
	expect_text 'S/MIME Capabilities' "$WORK/cms.txt"
	cms_job "$1" SMIME '"encoding": "base64", "data": "AA0KeA==", "smimecap": false'
	! grep -q 'S/MIME Capabilities' "$WORK/cms.txt" || fail "$1: capabilities that nobody wants"
	cms_job "$1" DER "\"encoding\": \"binary\", \"data\": \"AA0KeA\", \"contenttype\": \"1.3.6.1.5.5.7.12.3\", \"addcerts\": \"$others\""
	expect_text 'eContentType: .*1\.3\.6\.1\.5\.5\.7\.12\.3' "$WORK/cms.txt"
	expect_equal "$(grep -c 'd.certificate:' "$WORK/cms.txt")" 2 "$1: certificates in the message"
}

for name in "${names[@]}"; do
	say "$name: certificate, revocation list, message"
	csr_jobs "$name"
	crl_jobs "$name"
	[ "$name" = edwards25519 ] || cms_jobs "$name" # OpenSSL 3.0 has no CMS with Ed25519 (RFC 8419)
done

bridge_end kill -TERM "$BRIDGE_PID"
say done
