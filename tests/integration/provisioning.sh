# SPDX-License-Identifier: Apache-2.0
# A key prepared and a CA provisioned by stock pkcs11-tool, for every key type: root, request, import, refusals.
. "$(dirname "$0")/lib.sh"

softhsm_new
softhsm_token zeta
agent_start
login=(--login --pin "$PIN")

say "an HSM Provisioning Certificate, as the platform makes it: a template with an unrelated key"
cat >"$WORK/template.cnf" <<'CONF'
[req]
distinguished_name = dn
prompt = no
utf8 = yes
x509_extensions = ext
[dn]
C = US
O = Example, Inc. "quoted" = ü
0.OU = First
CN = Provisioned Root
1.OU = Second
[ext]
basicConstraints = critical,CA:TRUE,pathlen:1
keyUsage = critical,keyCertSign,cRLSign,digitalSignature
certificatePolicies = 2.23.140.1.2.1,1.3.6.1.4.1.99999.1
nameConstraints = critical,permitted;DNS:example.com,excluded;DNS:bad.example.com
authorityInfoAccess = OCSP;URI:http://ocsp.example.com,caIssuers;URI:http://ca.example.com/ca.crt
crlDistributionPoints = URI:http://crl.example.com/root.crl
1.2.3.4.5 = ASN1:UTF8String:a private extension
subjectKeyIdentifier = hash
CONF
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/unrelated.key" -config "$WORK/template.cnf" -days 3650 -sha512 \
	-out "$WORK/template.pem" 2>/dev/null
openssl x509 -in "$WORK/template.pem" -outform DER -out "$WORK/template.der"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/other.key" -subj /CN=other -days 30 -out "$WORK/other.pem" 2>/dev/null

extension_texts() { # CERTIFICATE-TEXT: every extension but the key identifiers, with criticality and value
	sed -n '/X509v3 extensions:/,/Signature Algorithm:/p;/Requested Extensions:/,/Signature Algorithm:/p' "$1" |
		sed -E '1d;$d;s/^ +//' | awk '
			/^X509v3 (Subject|Authority) Key Identifier/ { skip = 1; next }
			/^(X509v3 |Authority Information|([0-9]+\.)+[0-9]+:)/ { skip = 0 }
			!skip'
}

provision() { # NAME ID KEY-TYPE SIGNATURE-ALGORITHM
	local name=$1 id=$2 type=$3 algorithm=$4
	say "$type: prepare, self-signed root, request"
	p11 "${login[@]}" --keypairgen -m 0xC94F0000 --key-type "$type" --id "$id" --label "$name" >"$WORK/log" 2>&1 ||
		fail "prepare: $(cat "$WORK/log")"
	p11 --read-object --type cert --id "$id" -o "$WORK/temporary.der" >/dev/null 2>&1 || fail "no temporary certificate"
	expect_equal "$(openssl x509 -inform DER -in "$WORK/temporary.der" -noout -subject -nameopt RFC2253)" \
		"subject=CN=TEMPORARY CERT FOR KEY IMPORT,C=US" "the temporary certificate"
	expect_failure "" p11 "${login[@]}" --keypairgen -m 0xC94F0000 --key-type "$type" --id "$id" --label again

	p11 "${login[@]}" --session-rw --sign -m 0xC94F0001 --id "$id" -i "$WORK/template.pem" -o "$WORK/$name.der" \
		--read-object --type cert >"$WORK/log" 2>&1 || fail "self-sign: $(cat "$WORK/log")"
	openssl x509 -inform der -in "$WORK/$name.der" -out "$WORK/$name.pem" || fail "root.der is no certificate"
	openssl verify -check_ss_sig -CAfile "$WORK/$name.pem" "$WORK/$name.pem" >/dev/null || fail "the root does not verify"
	openssl x509 -in "$WORK/$name.pem" -text -noout >"$WORK/$name.txt"
	openssl x509 -in "$WORK/template.pem" -text -noout >"$WORK/template.txt"
	expect_equal "$(openssl x509 -in "$WORK/$name.pem" -noout -subject -enddate -nameopt RFC2253,show_type)" \
		"$(openssl x509 -in "$WORK/template.pem" -noout -subject -enddate -nameopt RFC2253,show_type)" "subject and notAfter"
	expect_equal "$(extension_texts "$WORK/$name.txt")" "$(extension_texts "$WORK/template.txt")" "extensions"
	expect_text "Signature Algorithm: $algorithm" "$WORK/$name.txt"
	expect_text "X509v3 Authority Key Identifier" "$WORK/$name.txt"
	expect_equal "$(p11 -O --type cert 2>/dev/null | grep -cE "ID: +$id")" 1 "certificates under the id"

	p11 "${login[@]}" --session-rw --sign -m 0xC94F0002 --id "$id" -i "$WORK/template.der" -o "$WORK/$name.csr" \
		--read-object --type data --application-label iothsm-csr >"$WORK/log" 2>&1 || fail "request: $(cat "$WORK/log")"
	openssl req -inform der -in "$WORK/$name.csr" -verify -noout 2>/dev/null || fail "the request does not verify"
	openssl req -inform der -in "$WORK/$name.csr" -text -noout >"$WORK/$name.csr.txt"
	expect_equal "$(extension_texts "$WORK/$name.csr.txt")" "$(extension_texts "$WORK/template.txt")" "requested extensions"
	p11 --read-object --type data --id "$id" -o "$WORK/again.csr" >/dev/null 2>&1 || fail "no request by --id"
	cmp "$WORK/$name.csr" "$WORK/again.csr" || fail "another request by --id"
}

provision rsa2048 01 rsa:2048 sha512WithRSAEncryption
provision p256 02 EC:prime256v1 ecdsa-with-SHA512
provision p384 03 EC:secp384r1 ecdsa-with-SHA384
provision p521 04 EC:secp521r1 ecdsa-with-SHA512
provision ed25519 05 EC:edwards25519 ED25519
[ -n "${IOTHSM_SANITIZE:-}" ] || provision rsa4096 06 rsa:4096 sha512WithRSAEncryption

say "a certificate of another key is refused and nothing changes"
p11 "${login[@]}" -O 2>/dev/null | sort >"$WORK/before"
status=0
p11 "${login[@]}" --session-rw --sign -m 0xC94F0003 --id 03 -i "$WORK/other.pem" -o "$WORK/receipt" >"$WORK/log" 2>&1 || status=$?
expect_equal "$status" 1 "status of an import with another key"
status=0
p11 "${login[@]}" --session-rw --write-object "$WORK/other.pem" --type cert --id 03 >"$WORK/log" 2>&1 || status=$?
expect_equal "$status" 1 "status of --write-object with another key"
p11 "${login[@]}" -O 2>/dev/null | sort | diff "$WORK/before" - || fail "something changed"
p11 --read-object --type cert --id 03 -o "$WORK/still.der" >/dev/null 2>&1
cmp "$WORK/still.der" "$WORK/p384.der" || fail "the root changed"

say "the certificate signed by another CA is imported, the old one kept as history"
openssl x509 -req -in <(openssl req -inform der -in "$WORK/p384.csr") -CA "$WORK/template.pem" -CAkey "$WORK/unrelated.key" \
	-copy_extensions copyall -days 100 -out "$WORK/signed.pem" 2>/dev/null
p11 "${login[@]}" --session-rw --sign -m 0xC94F0003 --id 03 -i "$WORK/signed.pem" -o "$WORK/receipt" >"$WORK/log" 2>&1 ||
	fail "import: $(cat "$WORK/log")"
p11 --read-object --type cert --id 03 -o "$WORK/now.der" >/dev/null 2>&1
openssl x509 -in "$WORK/signed.pem" -outform DER | cmp - "$WORK/now.der" || fail "the imported certificate is not there"
expect_equal "$(p11 "${login[@]}" --session-rw --verify -m 0xC94F0003 --id 03 -i "$WORK/signed.pem" \
	--signature-file /dev/null 2>/dev/null)" "Signature is valid" "the verify form"
expect_equal "$(p11 "${login[@]}" --session-rw --verify -m 0xC94F0003 --id 03 -i "$WORK/other.pem" \
	--signature-file /dev/null 2>/dev/null)" "Invalid signature" "the verify form with another key"

say "wrong, missing and expired inputs, each with its own error"
printf 'no certificate' >"$WORK/garbage"
expect_failure 0xc94f0001 p11 "${login[@]}" --session-rw --sign -m 0xC94F0001 --id 01 -i "$WORK/garbage" -o "$WORK/out"
openssl x509 -in "$WORK/other.pem" -days -1 -signkey "$WORK/other.key" -out "$WORK/expired.pem" 2>/dev/null
expect_failure 0xc94f0002 p11 "${login[@]}" --session-rw --sign -m 0xC94F0001 --id 01 -i "$WORK/expired.pem" -o "$WORK/out"
expect_failure CKR_SESSION_READ_ONLY p11 "${login[@]}" --sign -m 0xC94F0001 --id 01 -i "$WORK/template.pem" -o "$WORK/out"
expect_failure "" p11 --session-rw --sign -m 0xC94F0001 --id 77 --login --pin "$PIN" -i "$WORK/template.pem" -o "$WORK/out"

say "after a restart of the agent everything is still there"
kill "$AGENT_PID"
wait "$AGENT_PID" || true
agent_start
p11 --read-object --type data --id 02 -o "$WORK/again.csr" >/dev/null 2>&1 || fail "the request is gone"
cmp "$WORK/p256.csr" "$WORK/again.csr" || fail "the request changed"
