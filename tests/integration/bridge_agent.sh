# SPDX-License-Identifier: Apache-2.0
# The bridge over module, agent and token host: the agent keeps the PIN, hosts and agent die, a CA is made meanwhile.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bridge_lib.sh"

softhsm_new
softhsm_token demo
ca_files rsa rsa
ca_files ec P-256
ca_files template P-384
ca_write rsa 01 demo
ca_write ec 02 demo
printf '%s\n' "$PIN" >"$WORK/pin"
chmod 600 "$WORK/pin"
agent_conf "token \"$(token_serial demo)\" { pin_file = \"$WORK/pin\" }"
agent_start
standin_start rsa ec
bridge_conf "$MODULE"
bridge_start

say "the agent knows the PIN, the bridge does not"
until_status 30 "ca['rsa']['connected'] and ca['ec']['connected']"
printf 'R\t300101000000Z\t260101000000Z,superseded\t0A1B\tunknown\t/CN=x\n' >"$WORK/database"
for name in rsa ec; do
	drive csr $name --out "$WORK/leaf.pem" || bridge_fail "csr of $name"
	openssl verify -CAfile "$WORK/$name.pem" "$WORK/leaf.pem" >/dev/null || fail "leaf of $name"
	drive crl $name --database "$WORK/database" --out "$WORK/crl.pem" || bridge_fail "crl of $name"
	drive cms $name --data "hello" --out "$WORK/cms.pem" || bridge_fail "cms of $name"
done

say "a token host that dies in the middle of work costs no job"
drive load ec --count 80 --parallel 4 &
LOAD=$!
for _ in 1 2; do
	wait_for 60 jobs_done $(($(jobs_count) + 5)) || bridge_fail "no more jobs are done"
	HOST=$(host_pid)
	[ -n "$HOST" ] || fail "no token host"
	kill -9 "$HOST"
done
wait $LOAD || bridge_fail "jobs were lost with the token host"

say "a CA made through the module while the bridge runs is served after a reload"
p11 --login --pin "$PIN" --keypairgen -m 0xC94F0000 --key-type EC:secp384r1 --id 07 --label made \
	>"$WORK/p11.log" 2>&1 || fail "keypairgen: $(tail -3 "$WORK/p11.log")"
p11 --login --pin "$PIN" --session-rw --sign -m 0xC94F0001 --id 07 -i "$WORK/template.pem" \
	-o "$WORK/made.der" --read-object --type cert >"$WORK/p11.log" 2>&1 ||
	fail "self-sign: $(tail -3 "$WORK/p11.log")"
openssl x509 -inform der -in "$WORK/made.der" -out "$WORK/made.pem" || fail "no certificate came out"
standin_learn made
ask reload >/dev/null
until_status 30 "'template' in ca and ca['template']['connected']"
drive csr made --out "$WORK/leaf.pem" || bridge_fail "csr of made"
openssl verify -CAfile "$WORK/made.pem" "$WORK/leaf.pem" >/dev/null || fail "leaf of made"

say "after a restart of the agent all goes on by itself"
INDEXES=$(ask status "[(n, c['index']) for n, c in ca.items()]")
kill "$AGENT_PID"
wait "$AGENT_PID" || true
agent_start
drive csr rsa --wait 60 || bridge_fail "csr of rsa after the agent's restart"
drive csr made --wait 60 || bridge_fail "csr of made after the agent's restart"
until_status 90 "all(c['connected'] for c in ca.values())"
expect_equal "$(ask status "[(n, c['index']) for n, c in ca.items()]")" "$INDEXES" "numbers of the CAs"

bridge_end kill -TERM "$BRIDGE_PID"
say done
