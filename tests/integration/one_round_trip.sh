# SPDX-License-Identifier: Apache-2.0
# In steady state a C_SignInit and C_Sign pair is one request and one reply: counted by strace.
. "$(dirname "$0")/lib.sh"

softhsm_new
softhsm_token epsilon
agent_start
CLIENT=$IOTHSM_BUILD/bin/test_client
p11 --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label key >/dev/null

calls() { # COUNT: sendmsg and recvmsg calls of that many signatures, set-up included
	strace -f -o "$WORK/trace" -e trace=sendmsg,recvmsg,sendto,recvfrom,write,read,writev,readv \
		"$CLIENT" sign-loop "$MODULE" epsilon "$PIN" 01 0x1041 "$1" >"$WORK/strace.out" 2>&1 ||
		fail "under strace: $(cat "$WORK/strace.out")"
	grep -cE "^[0-9 ]*$2\(" "$WORK/trace" || true
}

for call in 'sendmsg' 'recvmsg'; do
	few=$(calls 100 "$call")
	many=$(calls 300 "$call")
	expect_equal "$((many - few))" 200 "$call calls of 200 signatures"
done
few=$(calls 100 '(sendto|recvfrom|write|writev|readv)')
many=$(calls 300 '(sendto|recvfrom|write|writev|readv)')
[ "$((many - few))" -le 2 ] || fail "200 signatures cost $((many - few)) other transfers"
