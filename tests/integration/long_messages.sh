# SPDX-License-Identifier: Apache-2.0
# Messages of 40 MiB in one call: digests, signatures and ciphers as the token gives them for many parts.
. "$(dirname "$0")/lib.sh"

softhsm_new
softhsm_token long
agent_start
p11 --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label p256 >/dev/null
p11 --login --pin "$PIN" --keypairgen --key-type rsa:2048 --id 02 --label rsa >/dev/null
ASAN_OPTIONS=detect_leaks=0 "$IOTHSM_BUILD/bin/test_long_messages" "$MODULE" "$PIN" || fail "see above"
