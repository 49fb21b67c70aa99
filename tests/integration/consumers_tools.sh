# SPDX-License-Identifier: Apache-2.0
# Tools that manage tokens: pkcs11-tool's own tests, p11tool, p11-kit, NSS, softhsm2-util and Python.
. "$(dirname "$0")/consumers_lib.sh"

plain_module
token_with_keys tools
login=(--login --pin "$PIN")

say "pkcs11-tool --test-fork, --test-threads"
logged fork.log p11 --test-fork
expect_text 'C_Initialize in forked child' "$WORK/fork.log"
! grep -qiE 'error|fail|abnormal' "$WORK/fork.log" || fail "--test-fork: $(cat "$WORK/fork.log")"
for threads in ILGISLT0 ILGISLT0GISLT0; do
	logged threads.log p11 --test-threads "$threads" "${login[@]}"
	expect_text 'all threads have ended with CKR_OK' "$WORK/threads.log"
	! grep -E 'returning rv = [^0]' "$WORK/threads.log" || fail "--test-threads $threads"
done

say "p11tool makes, writes, exports, tests and removes"
gnutls() {
	GNUTLS_PIN=$PIN GNUTLS_SO_PIN=$SO_PIN logged p11tool.log stock p11tool --batch --provider "$MODULE" "$@"
}
uri="pkcs11:token=$TOKEN"
gnutls --login --generate-privkey=ecdsa --curve=secp256r1 --label gnutls-ec --id 11 "$uri"
gnutls --login --generate-privkey=rsa --bits 2048 --label gnutls-rsa --id 12 "$uri"
for key in gnutls-ec gnutls-rsa; do
	gnutls --login --test-sign "$uri;object=$key;type=private"
done
gnutls --login --export-pubkey "$uri;object=gnutls-ec;type=private"
sed -n '/BEGIN/,/END/p' "$WORK/p11tool.log" >"$WORK/gnutls-ec.pub"
logged pkey.log openssl pkey -pubin -in "$WORK/gnutls-ec.pub" -noout
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/soft.key" -subj /CN=soft -out "$WORK/soft.pem" 2>/dev/null
gnutls --login --write --load-certificate "$WORK/soft.pem" --label soft --id 13 "$uri"
gnutls --login --write --load-privkey "$WORK/soft.key" --label soft --id 13 "$uri"
gnutls --export "$uri;object=soft;type=cert"
sed -n '/BEGIN/,/END/p' "$WORK/p11tool.log" | cmp - "$WORK/soft.pem" || fail "p11tool --export changed the certificate"
gnutls --login --delete "$uri;object=gnutls-rsa;type=private"
gnutls --login --list-privkeys "$uri"
! grep -q 'object=gnutls-rsa' "$WORK/p11tool.log" || fail "p11tool --delete left the key"
expect_text 'object=gnutls-ec' "$WORK/p11tool.log"

say "softhsm2-util through the module"
logged slots.log stock softhsm2-util --module "$MODULE" --show-slots
expect_text "Label: *$TOKEN" "$WORK/slots.log"
openssl pkcs8 -topk8 -nocrypt -in "$WORK/soft.key" -out "$WORK/soft.p8"
logged import.log stock softhsm2-util --module "$MODULE" --import "$WORK/soft.p8" --token "$TOKEN" --label imported \
	--id 14 --pin "$PIN"
echo data >"$WORK/data"
logged sign.log p11 "${login[@]}" --sign -m SHA256-RSA-PKCS --id 14 -i "$WORK/data" -o "$WORK/data.sig"
openssl x509 -in "$WORK/soft.pem" -pubkey -noout >"$WORK/soft.pub"
logged verify.log openssl dgst -sha256 -verify "$WORK/soft.pub" -signature "$WORK/data.sig" "$WORK/data"

say "p11-kit finds the module by its module file"
mkdir -p "$WORK/home/.config/pkcs11/modules"
sed "s,^module:.*,module: $MODULE," "$IOTHSM_SOURCE/module/iothsm.module" >"$WORK/home/.config/pkcs11/modules/iothsm.module"
printf 'user-config: only\n' >"$WORK/home/.config/pkcs11/pkcs11.conf"
# p11-kit reads no user's configuration for root, so root takes another number for this.
become=()
caps=+dac_override,+dac_read_search
if [ "$(id -u)" -eq 0 ]; then
	become=(unshare --user --map-user=1000)
	"${become[@]}" true 2>/dev/null || become=(setpriv --reuid 65534 --inh-caps "$caps" --ambient-caps "$caps")
fi
manual p11-kit >"$WORK/p11-kit.sh"
HOME=$WORK/home logged p11-kit.log "${become[@]}" sh "$WORK/p11-kit.sh"
expect_text 'iothsm' "$WORK/p11-kit.log"
expect_text "token: $TOKEN" "$WORK/p11-kit.log"
# Our own daemons must not find themselves: p11-kit goes by the name of the program.
for program in $(sed -n 's/^disable-in: //p' "$IOTHSM_SOURCE/module/iothsm.module" | tr -d ,); do
	cp "$(command -v p11-kit)" "$WORK/$program"
	HOME=$WORK/home logged disabled.log "${become[@]}" "$WORK/$program" list-modules
	! grep -q iothsm "$WORK/disabled.log" || fail "p11-kit offers the module to $program: $(cat "$WORK/disabled.log")"
done

say "NSS: modutil and certutil"
mkdir "$WORK/nss"
printf '%s\n' "$PIN" >"$WORK/pin"
logged nss.log certutil -N -d "sql:$WORK/nss" --empty-password
logged nss.log stock modutil -dbdir "sql:$WORK/nss" -add iothsm -libfile "$MODULE" -force
logged nss.log stock modutil -dbdir "sql:$WORK/nss" -list iothsm
expect_text "Token Name: *$TOKEN" "$WORK/nss.log"
logged nss.log stock certutil -K -d "sql:$WORK/nss" -h "$TOKEN" -f "$WORK/pin"
expect_text 'rsa .*soft' "$WORK/nss.log"
for kind in '-k rsa -g 2048' '-k ec -q nistp256'; do
	logged nss.log stock certutil -R -d "sql:$WORK/nss" -h "$TOKEN" -f "$WORK/pin" $kind -s CN=nss \
		-z "$SOFTHSM" -o "$WORK/nss.csr"
	logged req.log openssl req -inform der -in "$WORK/nss.csr" -verify -noout
done
logged nss.log stock certutil -A -d "sql:$WORK/nss" -h "$TOKEN" -f "$WORK/pin" -n nss-written -t ,, -i "$WORK/soft.pem"

say "Python: PyKCS11"
stock /usr/bin/python3 - "$MODULE" "$TOKEN" "$PIN" >"$WORK/python.log" 2>&1 <<'PYTHON' || fail "PyKCS11: $(cat "$WORK/python.log")"
import sys
from PyKCS11 import *

library = PyKCS11Lib()
library.load(sys.argv[1])
slot = next(s for s in library.getSlotList(tokenPresent=True)
            if library.getTokenInfo(s).label.strip() == sys.argv[2])
session = library.openSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION)
session.login(sys.argv[3])
public = session.findObjects([(CKA_CLASS, CKO_PUBLIC_KEY), (CKA_LABEL, "rsa")])[0]
private = session.findObjects([(CKA_CLASS, CKO_PRIVATE_KEY), (CKA_LABEL, "rsa")])[0]
assert len(session.getAttributeValue(public, [CKA_MODULUS])[0]) == 256
mechanism = Mechanism(CKM_SHA256_RSA_PKCS)
signature = session.sign(private, b"message", mechanism)
assert session.verify(public, b"message", signature, mechanism)
assert not session.verify(public, b"another", signature, mechanism)
key = session.generateKey([(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_AES), (CKA_VALUE_LEN, 32),
                           (CKA_ENCRYPT, True), (CKA_DECRYPT, True), (CKA_TOKEN, False)], MechanismAESGENERATEKEY)
counter = Mechanism(CKM_AES_CBC_PAD, bytes(16))
assert bytes(session.decrypt(key, session.encrypt(key, b"secret", counter), counter)) == b"secret"
assert len(session.generateRandom(32)) == 32
session.logout()
session.closeSession()
PYTHON
