# SPDX-License-Identifier: Apache-2.0
# The bridge is killed in the middle of a load: every job it took is answered, none is signed twice, and what was
# answered before is answered alike after.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bridge_lib.sh"

journal() {
	PYTHONDONTWRITEBYTECODE=1 python3 "$IOTHSM_SOURCE/tests/integration/bridge_journal.py" "$@"
}

JOURNAL=$WORK/bridge-state/journal
softhsm_new
softhsm_token demo
ca_files rsa rsa
ca_write rsa 01 demo
standin_start rsa
printf '%s\n' "$PIN" >"$WORK/pin"
bridge_conf "$SOFTHSM" "token \"$(token_serial demo)\" { pin_file = \"$WORK/pin\" }"
bridge_start
until_status 20 "ca['rsa']['connected']"
PYTHONDONTWRITEBYTECODE=1 python3 "$IOTHSM_SOURCE/tests/integration/bridge_journal.py" hear "$STANDIN" "$WORK/rsa.pem" \
	>"$WORK/heard" 2>"$WORK/hear.err" &
PIDS+=("$!")
wait_for 20 test -s "$WORK/heard" || fail "the channel cannot be heard: $(cat "$WORK/hear.err")"
journal first "$STANDIN" "$WORK/rsa.pem" "$WORK/known" || bridge_fail "the first job"

say "killed in the middle of a load"
"$BIN/iothsm-standin" drive load --dir "$STANDIN" --ca "$WORK/rsa.pem" --count 10000 --parallel 8 >>"$WORK/drive.log" 2>&1 &
LOAD=$!
PIDS+=("$LOAD")
wait_for 60 jobs_done 30 || bridge_fail "the load does not run"
kill -KILL "$BRIDGE_PID"
wait "$BRIDGE_PID" 2>/dev/null || true
LAST=$(journal last "$JOURNAL")
bridge_start
until_status 20 "ca['rsa']['connected'] and d['journal']['writable']"
kill "$LOAD"
wait "$LOAD" 2>/dev/null || true
drive load rsa --count 40 --parallel 4 || bridge_fail "jobs after the restart"

say "every accepted job is answered, none is signed twice, the chain holds"
journal check "$JOURNAL" "$WORK/heard" "$LAST" || bridge_fail "the journal"

say "a repeated request gets the identical answer from the new process"
journal again "$STANDIN" "$WORK/rsa.pem" "$WORK/known" || bridge_fail "the repeated request"
status_is "d['refused']['conflict'] == 1" || bridge_fail "another request under a known siguuid was not refused"

say "a torn last line is cut off, and the journal goes on"
bridge_end kill -TERM "$BRIDGE_PID"
printf '{"n":1,"time":' >>"$(ls "$JOURNAL"/*.jsonl | tail -n 1)"
bridge_start
until_status 20 "ca['rsa']['connected']"
expect_text 'journal: the last line was torn' "$WORK/bridge.log"
journal again "$STANDIN" "$WORK/rsa.pem" "$WORK/known" || bridge_fail "after the torn line"
[ -z "$(find "$JOURNAL" -name '*.damaged-*' -o -type f ! -perm 0600)" ] || fail "files of the journal: $(ls -l "$JOURNAL")"
bridge_end kill -TERM "$BRIDGE_PID"
say done
