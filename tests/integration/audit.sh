# SPDX-License-Identifier: Apache-2.0
# The token host's record: what it says, that nothing is signed without it, and what `audit verify` finds.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/audit_lib.sh"

softhsm_new
softhsm_token alpha
softhsm_token omega
serial=$(token_serial alpha)
late=$(token_serial omega)
key_write alpha 01 plain
key_write alpha 02 authority certificate
key_write omega 03 late

say "by default the keys of certificate authorities are under record, others are not"
agent_start
sign_with alpha 01 plain one || fail "the plain key does not sign"
[ ! -e "$WORK/state/audit" ] || fail "a plain key is recorded: $(ls -R "$WORK/state/audit")"
sign_with alpha 02 authority two || fail "the key of a certificate authority does not sign"
record=$WORK/state/audit/softhsm-$serial
expect_equal "$(record_fields "$record" event token uid label id mechanism verdict)" \
	"sign $serial $(id -u) authority 02 0x1044 allowed" "the record"
expect_equal "$(record_fields "$record" input)" "$(sha256sum <"$WORK/two.input" | cut -d ' ' -f 1)" "the hash of the input"
expect_equal "$(record_fields "$record" key)" "$(sha256sum <"$WORK/authority.pub.der" | cut -d ' ' -f 1)" "the hash of the key"

say "what is asked of a provisioning mechanism is recorded, whatever key it is of"
provision_root alpha 04
expect_equal "$(record_fields "$record" event label mechanism | tail -n 1)" "provision root 0xc94f0001" "the record of a root"
for i in 1 2 3 4 5 6; do
	sign_with alpha 02 authority "again$i" || fail "signature $i"
done

say "audit verify: good, and the line of whatever was done to it"
verify "$WORK/state/audit" || fail "a good record is said to be broken: $(cat "$WORK/verify.log")"
expect_text "$record.*good.*1.*8.*1.*8" "$WORK/verify.log"
expect_equal "$("$BIN/iothsm" --json audit verify "$WORK/state" | jq -r '.[0] | "\(.state) \(.records) \(.last)"')" "good 8 8" "JSON"
expect_failure "there is no record" "$BIN/iothsm" audit verify "$WORK/tokens"
expect_failure "cannot be read" "$BIN/iothsm" audit verify "$WORK/absent"
expect_failure "which record?" "$BIN/iothsm" audit verify
broken "a changed byte" 'sed -i "3s/authority/authoritz/"' ":3: the line is changed"
broken "a changed hash" 'sed -i "4s/\"hash\":\"./\"hash\":\"x/"' ":4: the line is changed"
broken "a dropped line" 'sed -i 5d' ":5: records are missing before it"
broken "a dropped beginning" 'sed -i 1d' ":1: it is not the record that the name of the file says"
broken "swapped lines" 'sed -i "2{h;d};3G"' ":2: records are missing before it"
broken "a repeated line" 'sed -i 6p' ":7: the record is out of place"
broken "a line torn off" 'truncate -s -20' ":8: the line has no end"
broken "a strange line" 'sed -i "7i {\"n\":7}"' ":7: the line is changed, or is no record"
split_record "$record" "$WORK/split" 4
verify "$WORK/split" || fail "a chain over two files is broken: $(cat "$WORK/verify.log")"
expect_text "good.*2.*8.*1.*8" "$WORK/verify.log"
rm "$WORK/split/000000000001.jsonl"
verify "$WORK/split" || fail "older records may be taken away: $(cat "$WORK/verify.log")"
expect_text "begins with record 5" "$WORK/verify.log"

say "the host killed amid signatures: each one that came out is in the record, and the chain holds"
for worker in 1 2; do
	sign_many "$worker" &
	workers[worker]=$!
done
for round in 1 2; do
	wait_for 60 signed_more_than $((round * 4)) || fail "no signatures in round $round"
	kill -9 "$(host_pid)"
	wait_for 20 host_pid || fail "no host after round $round"
done
wait "${workers[@]}"
sign_with alpha 02 authority after || fail "no signature after the host was killed"
every_signature_is_recorded
verify "$WORK/state/audit" || fail "broken by a crash: $(cat "$WORK/verify.log")"

say "record = none and record = all"
agent_stop
agent_conf "token \"$serial\" { record = none } token \"$late\" { record = all }"
agent_start
before=$(cat "$record"/*.jsonl | wc -l)
sign_with alpha 02 authority none || fail "record = none"
expect_equal "$(cat "$record"/*.jsonl | wc -l)" "$before" "records with record = none"
sign_with omega 03 late all || fail "record = all"
expect_equal "$(record_fields "$WORK/state/audit/softhsm-$late" event label)" "sign late" "record = all"

say "a damaged record is put aside, the chain goes on from it, and verify says so"
sed -i '1s/late/lane/' "$WORK/state/audit/softhsm-$late/000000000001.jsonl"
agent_stop
agent_start
sign_with omega 03 late damaged || fail "no signature after damage"
expect_text "damaged, kept aside" "$WORK/agent.log"
expect_failure ":1: the line is changed" "$BIN/iothsm" audit verify "$WORK/state/audit/softhsm-$late"

say "a full disk: an alarm first, then no signature"
disk_of_own || { say "no rights to mount: left out" && exit 0; }
agent_stop
mount -t tmpfs -o size=90m iothsm-audit "$WORK/state/audit"
agent_conf 'token "'"$late"'" { record = all }'
agent_start
sign_with alpha 02 authority room || fail "no signature with room"
expect_equal "$(record_state)" ok "the state with room"
fallocate -l 60M "$WORK/state/audit/filler"
sign_with alpha 02 authority low || fail "no signature when the disk is nearly full"
grep -q "nearly full" <<<"$(record_state)" || fail "no alarm: $(record_state)"
expect_text "record: the disk is nearly full" "$WORK/agent.log"
dd if=/dev/zero of="$WORK/state/audit/filler2" bs=64k 2>/dev/null || true
sign_with alpha 02 authority reserved || fail "the room of the file in use was not reserved"
! sign_with omega 03 late refused || fail "a signature without a record"
[ ! -s "$WORK/refused.sig" ] || fail "a signature without a record came out"
grep -q "CKR_DEVICE_ERROR" "$WORK/sign.log" || fail "no CKR_DEVICE_ERROR: $(cat "$WORK/sign.log")"
grep -q "operations cannot be recorded" <<<"$(record_state)" || fail "no alarm: $(record_state)"
rm "$WORK/state/audit/filler" "$WORK/state/audit/filler2"
sign_with omega 03 late recovered || fail "no signature when there is room again"
expect_equal "$(record_state)" ok "the state with room again"
verify "$WORK/state/audit" || fail "broken by a full disk: $(cat "$WORK/verify.log")"
agent_stop
umount "$WORK/state/audit"
