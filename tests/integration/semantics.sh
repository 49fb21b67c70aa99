# SPDX-License-Identifier: Apache-2.0
# What PKCS#11 promises a program, checked call by call against the real module, agent and token.
. "$(dirname "$0")/lib.sh"

softhsm_new
softhsm_token semantics
agent_start
p11 --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label p256 >/dev/null
p11 --login --pin "$PIN" --keypairgen --key-type rsa:2048 --id 02 --label rsa >/dev/null
ASAN_OPTIONS=detect_leaks=0 "$IOTHSM_BUILD/bin/test_semantics" "$MODULE" "$PIN" "$SO_PIN" || fail "see above"
