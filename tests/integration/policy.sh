# SPDX-License-Identifier: Apache-2.0
# The policy beside the key: what a CA may sign passes, all else is refused, whichever way it is asked.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bridge_lib.sh"
VECTORS=$IOTHSM_SOURCE/tests/data/vectors
POLICY=$WORK/policy.conf

softhsm_new
softhsm_token demo
printf '%s\n' "$PIN" >"$WORK/pin"
agent_conf "policy = \"$POLICY\" token \"$(token_serial demo)\" { pin_file = \"$WORK/pin\" }"
agent_start

# provision NAME ID TYPE: a CA by the provisioning mechanisms, with its certificate in NAME.pem.
provision() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj "/O=Example/CN=$1" \
		-days 3650 -addext basicConstraints=critical,CA:TRUE \
		-addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature -out "$WORK/template.pem" 2>/dev/null
	p11 --login --pin "$PIN" --keypairgen -m 0xC94F0000 --key-type "$3" --id "$2" --label "$1" >"$WORK/log" 2>&1 ||
		fail "prepare: $(cat "$WORK/log")"
	p11 --login --pin "$PIN" --session-rw --sign -m 0xC94F0001 --id "$2" -i "$WORK/template.pem" -o "$WORK/$1.der" \
		--read-object --type cert >"$WORK/log" 2>&1 || fail "self-sign: $(cat "$WORK/log")"
	openssl x509 -inform der -in "$WORK/$1.der" -out "$WORK/$1.pem"
}

spki() {
	openssl x509 -in "$WORK/$1.pem" -noout -pubkey | openssl pkey -pubin -outform der | sha256sum | cut -d ' ' -f 1
}

# policy NAME LINES…: the block of one key.
policy() {
	printf 'key "%s" {\n%s\n}\n' "$(spki "$1")" "$2" >"$POLICY.new"
	mv "$POLICY.new" "$POLICY"
}

sign() { # ID MECHANISM FILE
	p11 --login --pin "$PIN" --sign --id "$1" -m "$2" -i "$3" -o "$WORK/signature"
}

head -c 32 /dev/urandom >"$WORK/digest"
head -c 500 /dev/urandom >"$WORK/message"

say "a new CA gets a block that only observes"
provision first 01 EC:prime256v1
provision second 02 rsa:2048
provision third 03 EC:prime256v1
default=$WORK/state/policy.d/$(spki first).conf
expect_text 'observe = yes' "$default"
expect_text 'classes = \{self, request, cms, leaf, ephemeral, ca, crl\}' "$default"
expect_text 'not_after = "20' "$default"
sign 01 ECDSA "$WORK/digest" >"$WORK/log" 2>&1 || fail "observed, and refused: $(cat "$WORK/log")"
expect_text 'policy: observed, would be refused .*class=unseen' "$WORK/agent.log"

say "an enforced block refuses what it cannot look at, whichever way it is asked"
policy first 'profile = ca'
expect_failure 0xc94f0007 sign 01 ECDSA "$WORK/digest"
expect_failure 0xc94f0007 sign 01 ECDSA-SHA256 "$WORK/message"
expect_text 'policy: refused .*class=unknown: the class unknown is not among' "$WORK/agent.log"
sign 02 RSA-PKCS "$WORK/digest" >/dev/null 2>&1 || fail "the other key is not concerned"
stock "$IOTHSM_BUILD/bin/test_policed" "$MODULE" "$PIN" 01 "$WORK/first.pem" || fail "a way around the policy"
policy second 'profile = ca'
expect_failure 0xc94f0007 sign 02 RSA-PKCS "$WORK/digest"
expect_failure 0xc94f0007 sign 02 RSA-X-509 "$WORK/digest"
expect_failure 0xc94f0007 sign 02 SHA1-RSA-PKCS "$WORK/message"
expect_failure 0xc94f0007 p11 --login --pin "$PIN" --decrypt --id 02 -m RSA-PKCS -i "$WORK/digest" -o "$WORK/plain"
stock "$IOTHSM_BUILD/bin/test_policed" "$MODULE" "$PIN" 02 "$WORK/second.pem" || fail "a way around the policy"
policy third 'profile = ca'
stock "$IOTHSM_BUILD/bin/test_policed" "$MODULE" "$PIN" 03 "$WORK/third.pem" spoof || fail "a lie about the public key helps"
policy first 'profile = ca prehashed = allow'
sign 01 ECDSA "$WORK/digest" >/dev/null 2>&1 || fail "prehashed = allow does not allow"

say "the bridge does every job under the whole profile"
policy first 'profile = ca hashes = {sha256} max_days = 3650'
standin_start first
bridge_conf "$MODULE"
bridge_start
until_status 60 "ca['first']['connected']"
: >"$WORK/empty"
leaf() {
	printf '{"hash": "sha256", "days": 30}' >"$WORK/options"
	drive csr first --csr "$VECTORS/keys/leaf.csr" --options "$WORK/options" --out "$WORK/leaf.pem"
}
authority() {
	printf '{"hash": "sha256", "days": 30, "extensions": {"basicConstraints": {"critical": true, "CA": true, "pathlen": 0}}}' >"$WORK/options"
	drive csr first --csr "$VECTORS/keys/leaf.csr" --options "$WORK/options" --out "$WORK/ca.pem"
}
message() {
	printf '{"outform": "PEM", "encoding": "hex", "data": "000d0a78"}' >"$WORK/options"
	drive cms first --options "$WORK/options" --out "$WORK/cms"
}
leaf || bridge_fail "a leaf"
openssl verify -no_check_time -CAfile "$WORK/first.pem" "$WORK/leaf.pem" >/dev/null || fail "the leaf does not verify"
authority || bridge_fail "a CA certificate"
openssl x509 -in "$WORK/ca.pem" -noout -text | grep -q 'CA:TRUE' || fail "no CA certificate was made"
drive crl first --database "$WORK/empty" || bridge_fail "a revocation list"
message || bridge_fail "a message"

say "leaf-only refuses a CA certificate"
policy first 'profile = leaf-only'
! authority || fail "a CA certificate was signed under leaf-only"
expect_text 'policy: refused .*class=ca: the class ca is not among' "$WORK/agent.log"
leaf || bridge_fail "a leaf under leaf-only"
expect_failure 0xc94f0007 p11 --login --pin "$PIN" --session-rw --sign -m 0xC94F0001 --id 01 -i "$WORK/template.pem" \
	-o "$WORK/again.der"

say "each limit counts"
policy first 'profile = leaf-only max_days = 29'
! leaf || fail "longer than max_days"
expect_text "'max_days' is 29" "$WORK/agent.log"
policy first 'profile = leaf-only rsa_bits = 16384 ec_bits = 16384'
! leaf || fail "smaller than the least key"
policy first 'profile = leaf-only per_hour = 1'
leaf || bridge_fail "the first of this hour"
! leaf || fail "the second of this hour"
expect_text "more signatures in an hour than 'per_hour'" "$WORK/agent.log"

say "the command explains verdicts"
policy first 'profile = leaf-only max_days = 29'
explain() {
	"$BIN/iothsm" policy test --policy "$POLICY" --ca "$WORK/first.pem" --json "$@"
}
explain "$WORK/leaf.pem" >"$WORK/verdict" && fail "a refusal ends with success"
expect_text '"verdict": ?"refused"' "$WORK/verdict"
expect_text 'max_days' "$WORK/verdict"
explain "$WORK/ca.pem" >"$WORK/verdict" && fail "a refusal ends with success"
expect_text '"class": ?"ca"' "$WORK/verdict"
explain "$VECTORS/keys/leaf.csr" >"$WORK/verdict" || fail "a request that is in order: $(cat "$WORK/verdict")"
expect_text '"verdict": ?"allowed"' "$WORK/verdict"

say "a policy that others could write, or that is wrong, does not count"
chmod 666 "$POLICY"
printf 'key "%s" { profile = ca prehashed = allow }\n' "$(spki first)" >"$POLICY"
expect_failure 0xc94f0007 sign 01 ECDSA "$WORK/digest"
expect_text 'could be written by others; do: chown root' "$WORK/agent.log"
chmod 644 "$POLICY"
sign 01 ECDSA "$WORK/digest" >/dev/null 2>&1 || fail "the mended policy does not count"
printf 'key "%s" { profile = everything }\n' "$(spki first)" >"$POLICY"
sign 01 ECDSA "$WORK/digest" >/dev/null 2>&1 || fail "the former policy is not in force"
expect_text "policy.conf:1: profile: 'everything' is none of" "$WORK/agent.log"
kill -KILL "$(host_pid)"
wait_for 20 agent_answers || fail "no host came back"
expect_failure 0xc94f0007 sign 02 RSA-PKCS "$WORK/digest"
expect_text 'no private key can be used until this is mended' "$WORK/agent.log"
rm "$POLICY"
sign 01 ECDSA "$WORK/digest" >/dev/null 2>&1 || fail "without the file the default counts"

bridge_end kill -TERM "$BRIDGE_PID"
say done
