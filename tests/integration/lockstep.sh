# SPDX-License-Identifier: Apache-2.0
# Thousands of random calls do, or refuse, the same through the module as on the token directly.
. "$(dirname "$0")/lib.sh"

softhsm_new
softhsm_token lockstep
direct --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label p256 >/dev/null 2>&1
direct --login --pin "$PIN" --keypairgen --key-type rsa:2048 --id 02 --label rsa >/dev/null 2>&1
cp -r "$WORK/tokens" "$WORK/twin"
sed "s,$WORK/tokens,$WORK/twin," "$SOFTHSM2_CONF" >"$WORK/twin.conf"
agent_start
export SOFTHSM2_CONF=$WORK/twin.conf ASAN_OPTIONS=detect_leaks=0
for seed in 1 2; do
	"$IOTHSM_BUILD/bin/test_lockstep" "$MODULE" "$SOFTHSM" "$PIN" "$seed" 3000 || fail "seed $seed"
done
if grep -q 'a token host ended' "$WORK/agent.log"; then
	fail "the token host crashed"
fi
