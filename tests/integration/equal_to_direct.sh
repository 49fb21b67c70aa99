# SPDX-License-Identifier: Apache-2.0
# Whatever stock pkcs11-tool does with SoftHSM2 directly it does through the module, with the same result.
. "$(dirname "$0")/lib.sh"

softhsm_new
softhsm_token alpha
agent_start

say "slots and tokens"
for field in 'token label' 'token manufacturer' 'token model' 'serial num' 'token flags' 'pin min/max'; do
	expect_equal "$(p11 -L | grep "$field")" "$(direct -L | grep "$field")" "$field of the slot list"
done

say "the mechanism list is the backend's own, then hashed forms, then ours"
direct -M --slot-index 0 | sed 1d >"$WORK/direct.mechanisms"
p11 -M --slot-index 0 | sed 1d >"$WORK/our.mechanisms"
count=$(wc -l <"$WORK/direct.mechanisms")
head -n "$count" "$WORK/our.mechanisms" | diff "$WORK/direct.mechanisms" - ||
	fail "the backend's mechanisms are changed"
tail -n +$((count + 1)) "$WORK/our.mechanisms" >"$WORK/added.mechanisms"
for hashed in ECDSA-SHA224 ECDSA-SHA256 ECDSA-SHA384 ECDSA-SHA512; do
	expect_text "$hashed" "$WORK/added.mechanisms"
done
expect_equal "$(grep -o 'mechtype-0xC94F000[0-3]' "$WORK/added.mechanisms" | tail -n 4 | tr '\n' ' ')" \
	"mechtype-0xC94F0000 mechtype-0xC94F0001 mechtype-0xC94F0002 mechtype-0xC94F0003 " "our mechanisms come last"

login=(--login --pin "$PIN")
printf 'a message to be signed' >"$WORK/message"

sign_and_verify() { # NAME ID SIGN-MECHANISM DIGEST: signed by us, verified by the token alone
	local name=$1 id=$2 mechanism=$3 digest=$4
	p11 "${login[@]}" --sign -m "$mechanism" --id "$id" -i "$WORK/message" -o "$WORK/$name.sig" >/dev/null 2>&1 ||
		fail "sign $name"
	case $mechanism in
	ECDSA-*)
		openssl dgst -"$digest" -binary "$WORK/message" >"$WORK/$name.tbs"
		mechanism=ECDSA
		;;
	*) cp "$WORK/message" "$WORK/$name.tbs" ;;
	esac
	expect_equal "$(direct --verify -m "$mechanism" --id "$id" -i "$WORK/$name.tbs" --signature-file "$WORK/$name.sig" \
		"${login[@]}" 2>/dev/null)" "Signature is valid" "direct's verdict on $name"
}

say "key generation"
p11 "${login[@]}" --keypairgen --key-type rsa:2048 --id 01 --label rsa >/dev/null

say "pkcs11-tool's own tests: none fails, and what passes on SoftHSM2 itself says the same"
p11 "${login[@]}" --test >"$WORK/our.test" 2>&1 || fail "--test: $(cat "$WORK/our.test")"
direct "${login[@]}" --test >"$WORK/direct.test" 2>&1 || true # SoftHSM2 has RSA-OAEP with SHA-1 alone
for said in our direct; do
	sed -i -e '/^Using slot/d' -e '/OAEP/,$d' "$WORK/$said.test"
done
diff "$WORK/direct.test" "$WORK/our.test" >&2 || fail "--test differs"

say "signatures of every key type, verified by the token without us"
p11 "${login[@]}" --keypairgen --key-type EC:prime256v1 --id 02 --label p256 >/dev/null
p11 "${login[@]}" --keypairgen --key-type EC:secp384r1 --id 03 --label p384 >/dev/null
p11 "${login[@]}" --keypairgen --key-type EC:secp521r1 --id 04 --label p521 >/dev/null
sign_and_verify rsa 01 SHA256-RSA-PKCS sha256
sign_and_verify rsa384 01 SHA384-RSA-PKCS sha384
sign_and_verify p256 02 ECDSA-SHA256 sha256
sign_and_verify p384 03 ECDSA-SHA384 sha384
sign_and_verify p521 04 ECDSA-SHA512 sha512

say "a message of many parts"
head -c 100000 /dev/urandom >"$WORK/message"
sign_and_verify rsa-long 01 SHA256-RSA-PKCS sha256
sign_and_verify p256-long 02 ECDSA-SHA256 sha256
printf 'a message to be signed' >"$WORK/message"

say "what one side signs the other verifies"
direct "${login[@]}" --sign -m SHA256-RSA-PKCS --id 01 -i "$WORK/message" -o "$WORK/direct.sig" >/dev/null 2>&1
expect_equal "$(p11 "${login[@]}" --verify -m SHA256-RSA-PKCS --id 01 -i "$WORK/message" \
	--signature-file "$WORK/direct.sig" 2>/dev/null)" "Signature is valid" "verify of direct's signature"
printf 'another message' >"$WORK/other"
expect_equal "$(p11 "${login[@]}" --verify -m SHA256-RSA-PKCS --id 01 -i "$WORK/other" \
	--signature-file "$WORK/direct.sig" 2>/dev/null)" "Invalid signature" "verify of another message"

say "decryption, PKCS#1 and OAEP"
direct --read-object --type pubkey --id 01 -o "$WORK/rsa.pub" >/dev/null 2>&1 || fail "the public key"
printf 'a secret' >"$WORK/secret"
for padding in pkcs1 oaep; do
	openssl pkeyutl -encrypt -pubin -keyform DER -inkey "$WORK/rsa.pub" -in "$WORK/secret" \
		-pkeyopt rsa_padding_mode:$padding -out "$WORK/$padding.enc"
done
p11 "${login[@]}" --decrypt -m RSA-PKCS --id 01 -i "$WORK/pkcs1.enc" -o "$WORK/pkcs1.dec" >/dev/null 2>&1
p11 "${login[@]}" --decrypt -m RSA-PKCS-OAEP --hash-algorithm SHA-1 --id 01 -i "$WORK/oaep.enc" -o "$WORK/oaep.dec" >/dev/null 2>&1
cmp "$WORK/secret" "$WORK/pkcs1.dec" || fail "PKCS#1 decryption"
cmp "$WORK/secret" "$WORK/oaep.dec" || fail "OAEP decryption"

say "RSA-PSS"
p11 "${login[@]}" --sign -m SHA256-RSA-PKCS-PSS --id 01 -i "$WORK/message" -o "$WORK/pss.sig" >/dev/null 2>&1
openssl pkeyutl -verify -pubin -keyform DER -inkey "$WORK/rsa.pub" -rawin -digest sha256 -in "$WORK/message" \
	-sigfile "$WORK/pss.sig" -pkeyopt rsa_padding_mode:pss >/dev/null || fail "openssl does not verify PSS"

say "ECDH"
openssl ecparam -name prime256v1 -genkey -noout -out "$WORK/peer.key"
openssl ec -in "$WORK/peer.key" -pubout -outform DER -out "$WORK/peer.pub" 2>/dev/null
p11 "${login[@]}" --keypairgen --key-type EC:prime256v1 --id 05 --label dh --usage-derive >/dev/null
p11 "${login[@]}" --derive -m ECDH1-DERIVE --id 05 -i "$WORK/peer.pub" -o "$WORK/our.shared" >/dev/null 2>&1
direct "${login[@]}" --derive -m ECDH1-DERIVE --id 05 -i "$WORK/peer.pub" -o "$WORK/direct.shared" >/dev/null 2>&1
cmp "$WORK/our.shared" "$WORK/direct.shared" || fail "ECDH"

say "objects written, read, listed and deleted"
head -c 3000 /dev/urandom >"$WORK/blob"
p11 "${login[@]}" --write-object "$WORK/blob" --type data --label blob --application-label test >/dev/null
p11 "${login[@]}" --read-object --type data --label blob -o "$WORK/blob.out" >/dev/null 2>&1
cmp "$WORK/blob" "$WORK/blob.out" || fail "a data object comes back changed"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/x.key" -subj /CN=x -days 1 -outform DER -out "$WORK/x.der" 2>/dev/null
p11 "${login[@]}" --write-object "$WORK/x.der" --type cert --id 0a --label x >/dev/null 2>&1
p11 --read-object --type cert --id 0a -o "$WORK/x.out" >/dev/null 2>&1
cmp "$WORK/x.der" "$WORK/x.out" || fail "a certificate comes back changed"
list() {
	"$1" "${login[@]}" -O 2>/dev/null | sed '/^Using slot/d;s/^Data object .*/Data object/' # the handle is ours
}
list direct | sort >"$WORK/direct.objects"
list p11 | sort | diff "$WORK/direct.objects" - || fail "the list of objects differs"
p11 "${login[@]}" --delete-object --type data --label blob >/dev/null
expect_equal "$(direct "${login[@]}" -O --type data 2>/dev/null | grep -c 'label:.*blob' || true)" 0 "a deleted object"

say "a wrong PIN is refused, and then the right one works"
expect_failure CKR_PIN_INCORRECT p11 --login --pin 000000 -O
p11 "${login[@]}" -O >/dev/null || fail "the right PIN after a wrong one"
