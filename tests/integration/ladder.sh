# SPDX-License-Identifier: Apache-2.0
# The ladder of a CA: each rung pulled out in turn, its reason and what to do about it, and put back; and the metrics.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bridge_lib.sh"

METRICS=$WORK/metrics.sock

scrape() {
	curl -sS --fail --unix-socket "$METRICS" "http://localhost/metrics" -o "$WORK/metrics"
	PYTHONDONTWRITEBYTECODE=1 python3 "$IOTHSM_SOURCE/tests/integration/ladder_metrics.py" "$WORK/metrics" "$@"
}

# pulled RUNG REASON ACTION: the first rung that is missing, why, and what to do; rungs below it hold.
pulled() {
	until_status 25 "ca['ec']['missing'] == '$1' and '$2' in ca['ec']['reason'] and '$3' in ca['ec']['action']"
	status_is "not ca['ec']['connected'] and [r['rung'] for r in ca['ec']['ladder'] if r['ok'] is False] == ['$1']" ||
		bridge_fail "the ladder does not say $1"
	scrape "iothsm_bridge_ca_connected=0" "iothsm_bridge_ca_rung{rung=\"$1\"}=0" ||
		bridge_fail "the metrics do not say $1"
}

whole() {
	until_status 25 "ca['ec']['connected'] and ca['ec']['missing'] is None and ca['ec']['reason'] == ''"
	scrape "iothsm_bridge_ca_connected=1" || bridge_fail "the metrics do not say that all is well"
}

# The token's objects of one kind under an id, moved out and back as the vendor's own tool sees them.
delete_object() {
	direct --token-label demo --login --pin "$PIN" --delete-object --type "$1" --id 01 >/dev/null 2>&1 ||
		fail "cannot delete $1"
}

write_object() {
	direct --token-label demo --login --pin "$PIN" --write-object "$WORK/$2" --type "$1" --id 01 --label ec \
		--usage-sign >/dev/null 2>&1 || fail "cannot write $2"
}

softhsm_new
softhsm_token demo
ca_files ec P-256
ca_files other P-256
ca_write ec 01 demo
standin_start ec
printf '%s\n' "$PIN" >"$WORK/pin"
SERIAL=$(token_serial demo)
bridge_conf "$SOFTHSM" "
	rescan = 1
	probe = 2
	metrics = \"unix:$METRICS\"
	token \"$SERIAL\" { pin_file = \"$WORK/pin\" }"
bridge_start

say "all rungs hold; nothing was asked or signed yet"
whole
status_is "[r['ok'] for r in ca['ec']['ladder']] == [True] * 6 + [None] * 2" || bridge_fail "the ladder is not whole"
drive csr ec || bridge_fail "csr of ec"
until_status 5 "[r['ok'] for r in ca['ec']['ladder']] == [True] * 8 and all(r['time'] for r in ca['ec']['ladder'])"
scrape 'iothsm_bridge_jobs_total{kind="csr",result="ok"}=1' 'iothsm_bridge_job_seconds_count{kind="csr"}=1' \
	'iothsm_bridge_registrations_total{result="ok"}=1' 'iothsm_bridge_token_state{state="ready"}=1' \
	'iothsm_bridge_queue_depth=0' 'iothsm_bridge_clock_skew_seconds=0' 'iothsm_bridge_journal_writable=1' ||
	bridge_fail "the metrics after one job"

say "the private key is gone"
delete_object privkey
pulled key "not its private key" "restore"
write_object privkey ec.key.der
whole

say "the certificate under the key's id belongs to another key"
delete_object cert
write_object cert other.der
pulled certificate "no certificate of it" "import-cert"
until_status 25 "[i['label'] for i in d['incomplete'] if 'CN=other' in i['subject'] and 'another key' in i['reason']] == ['demo']"
delete_object cert
write_object cert ec.der
whole

say "the platform refuses the CA when it is asked again"
standin_fault register refuse --for 60000
ask reload >/dev/null
pulled registered "refused" "tried again by itself"
standin_fault register refuse --for 1
ask reload >/dev/null
whole

say "PubNub takes connections and says nothing"
standin_fault subscribe silence --for 60000
pulled subscribed "" "tried again by itself"
standin_fault subscribe silence --for 1
whole
scrape 'iothsm_bridge_reconnects_total>=1' || bridge_fail "the reconnection was not counted"
drive csr ec --wait 20 || bridge_fail "csr after the silence"

say "what the metrics do not have is refused"
expect_failure "404" curl -sS --fail --unix-socket "$METRICS" http://localhost/other
expect_failure "405" curl -sS --fail --unix-socket "$METRICS" -X POST http://localhost/metrics
expect_equal "$(stat -c %a "$METRICS")" 660 "mode of the metrics' socket"

bridge_end ask stop
[ ! -e "$METRICS" ] || fail "the metrics' socket is left over"
say done
