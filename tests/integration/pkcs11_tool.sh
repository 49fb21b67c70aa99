# SPDX-License-Identifier: Apache-2.0
# pkcs11-tool's own tests without one failure, on tokens with several kinds of keys: SoftHSM2 itself fails them.
. "$(dirname "$0")/lib.sh"

softhsm_new
for label in blank rsa ec all uses; do
	softhsm_token "$label"
done
agent_start

# token_key LABEL ID TYPE [OPTIONS…]: one more key pair on that token.
token_key() {
	local label=$1 id=$2 type=$3
	shift 3
	p11 --token-label "$label" --login --pin "$PIN" --keypairgen --key-type "$type" --id "$id" --label "$label-$id" "$@" \
		>"$WORK/keygen.txt" 2>&1 || fail "a key of type $type: $(cat "$WORK/keygen.txt")"
}

# tool_test LABEL: the tool's tests of that token.
tool_test() {
	p11 --token-label "$1" --login --pin "$PIN" --test >"$WORK/test.txt" 2>&1 ||
		fail "--test of $1 ends with $?: $(cat "$WORK/test.txt")"
	! grep -E 'ERR|error:|[Ff]ailed|Aborting|CKR_' "$WORK/test.txt" || fail "--test of $1: $(cat "$WORK/test.txt")"
	expect_text '^No errors$' "$WORK/test.txt"
}

# tool_threads LABEL PROGRAM: that program of --test-threads.
tool_threads() {
	p11 --token-label "$1" --login --pin "$PIN" --test-threads "$2" >"$WORK/threads.txt" 2>&1 ||
		fail "--test-threads $2 of $1 ends with $?: $(cat "$WORK/threads.txt")"
	expect_text 'all threads have ended with CKR_OK' "$WORK/threads.txt"
	! grep -E 'returning rv = [^0]' "$WORK/threads.txt" || fail "--test-threads $2 of $1"
}

token_key rsa 01 rsa:2048
token_key ec 01 EC:prime256v1
token_key ec 02 EC:secp384r1
token_key all 01 rsa:2048
token_key all 02 EC:prime256v1
token_key all 03 EC:secp384r1
token_key all 04 EC:edwards25519
token_key uses 01 rsa:2048 --usage-sign
token_key uses 02 rsa:2048 --usage-decrypt
token_key uses 03 EC:prime256v1 --usage-derive

for label in blank rsa ec all uses; do
	say "pkcs11-tool --test: the token '$label'"
	tool_test "$label"
done

say "pkcs11-tool --test did what it is for: RSA-OAEP with SHA-256, with and without a label"
tool_test all
expect_text 'OAEP parameters: hashAlg=SHA256, mgf=MGF1-SHA256, encoding parameter \(Label\) present' "$WORK/test.txt"
expect_text 'OAEP parameters: hashAlg=SHA256, mgf=MGF1-SHA256, encoding parameter \(Label\) not present' "$WORK/test.txt"
expect_equal "$(grep -c '^OK$' "$WORK/test.txt")" 2 "the RSA-OAEP decryptions that succeed"

say "pkcs11-tool --test-fork"
p11 --test-fork >"$WORK/fork.txt" 2>&1 || fail "--test-fork ends with $?: $(cat "$WORK/fork.txt")"
expect_text 'C_Initialize in forked child' "$WORK/fork.txt"
! grep -qiE 'error|fail|abnormal' "$WORK/fork.txt" || fail "--test-fork: $(cat "$WORK/fork.txt")"

say "pkcs11-tool --test-threads"
for program in ILGISLT0 ILGISLT0GISLT0; do
	tool_threads all "$program"
done
