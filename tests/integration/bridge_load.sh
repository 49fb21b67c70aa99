# SPDX-License-Identifier: Apache-2.0
# 1,000 jobs, RSA and EC: all answered, all right, and the memory is what it was after the first hundred.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bridge_lib.sh"

COUNT=450
[ -z "${IOTHSM_SANITIZE:-}" ] || COUNT=25
softhsm_new
softhsm_token demo
ca_files rsa rsa
ca_files ec P-256
ca_write rsa 01 demo
ca_write ec 02 demo
standin_start rsa ec
printf '%s\n' "$PIN" >"$WORK/pin"
bridge_conf "$SOFTHSM" "token \"$(token_serial demo)\" { pin_file = \"$WORK/pin\" }"
bridge_start
until_status 20 "ca['rsa']['connected'] and ca['ec']['connected']"

drive load rsa --count 50 --parallel 8 || bridge_fail "first jobs of rsa"
drive load ec --count 50 --parallel 8 || bridge_fail "first jobs of ec"
BEFORE=$(bridge_memory Pss_Anon)
PSS=$(bridge_memory Pss)
drive load rsa --count $COUNT --parallel 8 || bridge_fail "jobs of rsa"
drive load ec --count $COUNT --parallel 8 || bridge_fail "jobs of ec"
AFTER=$(bridge_memory Pss_Anon)
# The share of libraries in PSS depends on who else maps them at that moment; what the bridge itself holds does not.
say "after 100 jobs PSS $PSS KiB, own $BEFORE KiB; after $((2 * COUNT + 100)) PSS $(bridge_memory Pss) KiB, own $AFTER KiB"
[ -n "${IOTHSM_SANITIZE:-}" ] || [ $((AFTER - BEFORE)) -le 512 ] || fail "memory grows with jobs"
until_status 5 "sum(c['jobs_failed'] for c in ca.values()) == 0"
bridge_end kill -TERM "$BRIDGE_PID"
say done
