# SPDX-License-Identifier: Apache-2.0
# The bridge on SoftHSM2 directly: any PKCS#11 library will do. Jobs, reload, wrong PIN, late acceptance, clean end.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bridge_lib.sh"

softhsm_new
softhsm_token demo
softhsm_token closed
SERIAL=$(token_serial demo)
CLOSED=$(token_serial closed)
ca_files rsa rsa
ca_files ec P-384
ca_files late P-256
ca_files shut P-256
ca_files temporary P-256 "/C=US/CN=TEMPORARY CERT FOR KEY IMPORT"
ca_write rsa 01 demo
ca_write ec 02 demo
ca_write temporary 03 demo
ca_write shut 01 closed
standin_start rsa ec shut
printf '%s\n' "$PIN" >"$WORK/pin"
printf '000000\n' >"$WORK/pin.wrong"
bridge_conf "$SOFTHSM" "
	rescan = 0
	token \"$SERIAL\" { pin_file = \"$WORK/pin\" }
	token \"$CLOSED\" { pin_file = \"$WORK/pin.wrong\" }"
bridge_start

say "each CA is connected, the temporary certificate is none"
until_status 20 "ca['rsa']['connected'] and ca['ec']['connected'] and len(ca) == 2"
UUID=$(ask status "d['uuid']")

say "csr, crl and cms are answered and right"
printf 'R\t300101000000Z\t260101000000Z,keyCompromise\t0A1B\tunknown\t/CN=x\n' >"$WORK/database"
for name in rsa ec; do
	drive csr $name --out "$WORK/leaf.$name.pem" || bridge_fail "csr of $name"
	drive crl $name --database "$WORK/database" --out "$WORK/crl.$name.pem" || bridge_fail "crl of $name"
	drive cms $name --data "hello $name" --out "$WORK/cms.$name.pem" || bridge_fail "cms of $name"
	openssl verify -CAfile "$WORK/$name.pem" "$WORK/leaf.$name.pem" >/dev/null || fail "leaf of $name"
	openssl crl -in "$WORK/crl.$name.pem" -CAfile "$WORK/$name.pem" -noout 2>/dev/null || fail "crl of $name"
	openssl cms -verify -inform PEM -in "$WORK/cms.$name.pem" -CAfile "$WORK/$name.pem" -purpose any \
		-out "$WORK/content" 2>/dev/null || fail "cms of $name"
	expect_equal "$(cat "$WORK/content")" "hello $name" "content of the CMS"
done
until_status 5 "ca['rsa']['jobs_ok'] == 3 and ca['ec']['jobs_ok'] == 3"

say "a wrong PIN is tried once and not again, though it became right, before it is changed"
until_status 5 "'wrong PIN' in token['closed']['reason']"
direct --token-label closed --login --pin "$PIN" --change-pin --new-pin 000000 >/dev/null 2>&1 ||
	fail "cannot change the PIN"
for _ in 1 2 3; do
	bridge_rescan
done
status_is "'wrong PIN' in token['closed']['reason'] and 'shut' not in ca" || bridge_fail "the PIN was tried again"
direct --token-label closed --login --pin 000000 --change-pin --new-pin "$PIN" >/dev/null 2>&1 ||
	fail "cannot change the PIN back"
printf '%s\n' "$PIN" >"$WORK/pin.wrong"
kill -HUP "$BRIDGE_PID"
until_status 20 "'shut' in ca and ca['shut']['connected']"

say "a CA that the platform does not know yet is accepted later without help"
ca_write late 04 demo
ask reload >/dev/null
until_status 20 "'late' in ca and 'refused' in ca['late']['reason'] and not ca['late']['connected']"
standin_learn late
until_status 60 "ca['late']['connected']"
drive csr late || bridge_fail "csr of late"

say "a reload in the middle of work loses nothing and renumbers nothing"
BEFORE=$(ask status "[(n, c['index']) for n, c in ca.items()]")
drive load rsa --count 40 --parallel 4 &
LOAD=$!
for _ in 1 2 3 4 5; do
	bridge_rescan
done
wait $LOAD || bridge_fail "jobs were lost in a reload"
expect_equal "$(ask status "[(n, c['index']) for n, c in ca.items()]")" "$BEFORE" "numbers of the CAs"

say "an unknown question is answered as such"
expect_equal "$(ask nonsense "a['success']")" False "success"

say "it ends cleanly and is the same appliance afterwards"
bridge_end ask stop
bridge_start
until_status 20 "ca['ec']['connected']"
expect_equal "$(ask status "d['uuid']")" "$UUID" "uuid after a restart"
drive csr ec || bridge_fail "csr after a restart"
bridge_end kill -TERM "$BRIDGE_PID"
grep -q "$PIN" "$WORK/bridge.log" && fail "a PIN is in the log"
say done
