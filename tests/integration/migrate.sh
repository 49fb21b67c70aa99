# SPDX-License-Identifier: Apache-2.0
# An appliance's directory is taken over: shown first, then done, a second time without effect; the agent then uses
# its PIN and the bridge its uuid, and a certificate that only its state held serves as a CA again.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bridge_lib.sh"

MACHINE=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0
UUID=8757b009-3c2c-4efd-8287-150adeb79b2d
OLD=$WORK/old
VAR=$WORK/var
ETC=$WORK/etc

migrate() {
	"$BIN/iothsm" migrate "$OLD" --machine-id "$WORK/machine-id" --state-dir "$VAR" --config-dir "$ETC" "$@"
}

# refused TEXT: what is wrong is said, and nothing is written.
refused() {
	local status=0
	migrate --apply >"$WORK/out" 2>&1 || status=$?
	expect_equal "$status" 8 "status: $(cat "$WORK/out")"
	grep -qF -- "$1" "$WORK/out" || fail "'$1' is not said: $(cat "$WORK/out")"
	[ -z "$(find "$VAR" "$ETC" -type f)" ] || fail "written all the same: $(find "$VAR" "$ETC" -type f)"
}

has_row() {
	grep -qP -- "$1" "$WORK/out" || fail "no '$1' in: $(cat "$WORK/out")"
}

softhsm_new
softhsm_token demo
SERIAL=$(token_serial demo)
ca_files ca P-256
ca_files gone P-384
for part in privkey:key.der pubkey:pub.der; do
	direct --token-label demo --login --pin "$PIN" --write-object "$WORK/ca.${part#*:}" --type "${part%%:*}" --id 07 \
		--label ca --usage-sign >/dev/null 2>&1 || fail "cannot write ${part%%:*}"
done
mkdir -p "$OLD/state" "$OLD/tmp" "$VAR/agent" "$VAR/bridge" "$ETC"
printf '%s\n' "${MACHINE//-/}" >"$WORK/machine-id"

state_json() { # UUID
	jq -n --arg uuid "$1" --rawfile ca "$WORK/ca.pem" --rawfile gone "$WORK/gone.pem" '
		def entry($pem): {"Certificate Object": [{base64: $pem, type: "Certificate Object", detail: "X.509 cert"}]};
		{uuid: $uuid, certificates: {"0000000000000000": {"ca-key": entry($ca), "gone-key": entry($gone)}}}' \
		>"$OLD/state/state.json"
}
pins_js() { # JSON
	printf '%s' "$1" | python3 -IS "$IOTHSM_SOURCE/tests/integration/migrate_pins.py" "$MACHINE" >"$OLD/state/pins.js"
}

say "what cannot be used is refused before anything is written"
refused "holds nothing of an IoT-HSM appliance"
echo '{"uuid": ' >"$OLD/state/state.json"
refused "it is no JSON object"
state_json nonsense
refused "its uuid is none"
state_json $UUID
pins_js '[]'
refused "its plaintext is no JSON object"
pins_js "{\"$SERIAL\": {\"USERPIN\": \"$PIN\", \"SOPIN\": \"false\"}, \"29494994\": {\"USERPIN\": \"1\", \"SOPIN\": \"22\"},
	\"../../x\": {\"USERPIN\": \"1\"}}"
printf 'another machine' >"$WORK/machine-id"
refused "it does not open with this machine id"
printf '%s' "$MACHINE" >"$WORK/machine-id"
echo 'tokens: [ {key_ring: projects/p} ]' >"$OLD/tmp/pkcs11-kms.yml"
refused "a token has no key_ring"
echo 'tokens: [ {key_ring: projects/p/locations/l/keyRings/r} ]' >"$OLD/tmp/pkcs11-kms.yml"
echo '{"type": "service_account"}' >"$OLD/state/gcloud.json"
printf 'PORT=3000\nPLATFORMFQDN="a b"\n' >"$OLD/.env"
refused "PLATFORMFQDN is no host name"
printf 'PORT=3000\nUSERPIN=123456\nPLATFORMFQDN="pki.example"\n' >"$OLD/.env"
SOURCE=$(find "$OLD" -type f -exec sha256sum {} + | sort)

agent_conf
agent_start
say "by default it is only shown"
migrate >"$WORK/out" 2>"$WORK/notes" || fail "the plan: $(cat "$WORK/notes")"
expect_text 'nothing was changed' "$WORK/notes"
[ -z "$(find "$VAR" "$ETC" -type f)" ] || fail "a plan was carried out"
has_row "^uuid $UUID\twrite\t$VAR/bridge/state.json"
has_row "^user PIN of token $SERIAL\twrite\t"
has_row "^PINs of a token\tskip\t"
has_row "^certificate ca-key\timport\ttoken $SERIAL id 07"
has_row "^certificate gone-key\tto do\tno token has its key"
has_row "^platform\tto do\t.*https://pki.example"
has_row "^USERPIN, SOPIN\tto do\t"
grep -qF -- "$PIN" "$WORK/out" "$WORK/notes" && fail "a PIN is printed"

if [ "$(id -u)" -eq 0 ]; then
	say "nothing is written where only root could, for a directory's owner who leads there"
	mkdir "$WORK/victim"
	chown nobody "$VAR/agent"
	chmod 755 "$WORK"
	ln -s "$WORK/victim" "$VAR/agent/migrated"
	expect_failure "Permission denied" migrate --apply
	[ -z "$(ls "$WORK/victim")" ] || fail "a link was followed"
	rm "$VAR/agent/migrated"
fi

say "then it is done, each file for its owner alone"
printf '{"uuid": "11111111-2222-4333-8444-555555555555"}\n' >"$VAR/bridge/state.json"
migrate --apply >"$WORK/out" 2>"$WORK/notes" || fail "apply: $(cat "$WORK/notes")"
has_row "^uuid $UUID\treplace\t"
has_row "^certificate ca-key\timport\t"
expect_equal "$(cat "$VAR/agent/migrated/$SERIAL.pin")" "$PIN" "PIN"
expect_equal "$(cat "$VAR/agent/migrated/29494994.so-pin")" 22 "SO PIN"
[ ! -e "$VAR/agent/migrated/$SERIAL.so-pin" ] || fail "the word false became a PIN"
for file in "$VAR"/agent/migrated/* "$VAR/bridge/state.json"; do
	expect_equal "$(stat -c %a:%u "$file")" "600:$(stat -c %u "$(dirname "$file")")" "$file"
done
expect_equal "$(stat -c %u "$VAR/agent/migrated")" "$(stat -c %u "$VAR/agent")" "owner"
grep -qF 11111111-2222 "$VAR"/bridge/state.json.before-migration-* || fail "the bridge's old uuid is lost"
openssl x509 -in "$VAR/agent/migrated/$(openssl x509 -in "$WORK/gone.pem" -noout -fingerprint -sha1 |
	sed 's/.*=//; s/://g' | tr A-F a-f).pem" -outform der | cmp - "$WORK/gone.der" || fail "the certificate is lost"
direct --token-label demo --login --pin "$PIN" --read-object --type cert --id 07 2>/dev/null | cmp - "$WORK/ca.der" ||
	fail "the certificate is not on the token"
expect_equal "$(find "$OLD" -type f -exec sha256sum {} + | sort)" "$SOURCE" "the appliance's files"

say "a second time it has no effect"
BEFORE=$(find "$VAR" "$ETC" -type f -printf '%p %i %T@\n' | sort)
migrate --apply >"$WORK/out" 2>"$WORK/notes" || fail "again: $(cat "$WORK/notes")"
grep -qP '\t(write|replace|import)\t' "$WORK/out" && fail "done again: $(cat "$WORK/out")"
expect_equal "$(find "$VAR" "$ETC" -type f -printf '%p %i %T@\n' | sort)" "$BEFORE" "files"

say "the agent takes the lines and the PIN, the bridge the uuid"
kill "$AGENT_PID"
wait "$AGENT_PID" || true
cat "$ETC/migrated.conf" >>"$WORK/agent.conf"
agent_start
standin_start ca
bridge_conf "$MODULE"
sed -i "s|^state_dir.*|state_dir = \"$VAR/bridge\"|" "$WORK/bridge.conf"
bridge_start
until_status 30 "ca['ca']['connected']"
status_is "d['uuid'] == '$UUID'" || bridge_fail "another uuid"
drive csr ca --out "$WORK/leaf.pem" || bridge_fail "csr of ca"
openssl verify -CAfile "$WORK/ca.pem" "$WORK/leaf.pem" >/dev/null || fail "leaf of ca"
bridge_end kill -TERM "$BRIDGE_PID"

say "a certificate that is no platform's anchor is not trusted, and nothing is replaced"
echo before >"$ETC/platform-ca.pem"
expect_failure "is the anchor of no known platform" \
	"$BIN/iothsm" platform trust "$STANDIN/platform_ca.pem" -o "$ETC/platform-ca.pem"
expect_failure "is no certificate" "$BIN/iothsm" platform trust "$WORK/machine-id" -o "$ETC/platform-ca.pem"
expect_equal "$(cat "$ETC/platform-ca.pem")" before "the anchor that was there"
say done
