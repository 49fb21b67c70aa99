# SPDX-License-Identifier: Apache-2.0
# The same calls, right and wrong ones, return the same through the module as from the token directly.
. "$(dirname "$0")/lib.sh"

softhsm_new
softhsm_token differential
direct --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label p256 >/dev/null 2>&1
direct --login --pin "$PIN" --keypairgen --key-type rsa:2048 --id 02 --label rsa >/dev/null 2>&1
agent_start
export ASAN_OPTIONS=detect_leaks=0
"$IOTHSM_BUILD/bin/test_differential" "$SOFTHSM" "$PIN" >"$WORK/direct" || fail "the calls of the token"
"$IOTHSM_BUILD/bin/test_differential" "$MODULE" "$PIN" >"$WORK/ours" || fail "the calls of the module"
[ "$(wc -l <"$WORK/direct")" -gt 200 ] || fail "the program ended early"

# Where ours is what the standard says and SoftHSM2's is not, or both are right and ours says more.
sort >"$WORK/known" <<-'KNOWN'
	> start: GetFunctionStatus = 0x51
	> start: CancelFunction = 0x51
	> slot: wait reserved = 0x7
	> login: logout early = 0x101
	> login: so meanwhile = 0x104
	> find: init NULL value = 0x13
	> object: copy unknown = 0x82
	> object: short class = 0x13
	> encrypt: unknown key = 0x60
	> encrypt: OAEP without parameter = 0x71
	> decrypt: OAEP without parameter = 0x71
	> encrypt: a signing mechanism = 0x63
	> sign: unknown key = 0x60
	> sign: key of another type = 0x63
	> derive: unknown key = 0x60
	> rare: sign recover = 0x91
	> rare: verify recover = 0x91
	> rare: digest encrypt = 0x91
	> rare: decrypt digest = 0x91
	> rare: sign encrypt = 0x91
	> rare: decrypt verify = 0x91
	> end: private key = 0x60
KNOWN
diff "$WORK/direct" "$WORK/ours" >"$WORK/differences" && fail "the known differences are gone"
grep '^>' "$WORK/differences" | sort >"$WORK/found"
diff "$WORK/known" "$WORK/found" >&2 || fail "other answers than the token's own"
