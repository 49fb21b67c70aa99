# SPDX-License-Identifier: Apache-2.0
# Many programs on one token: the token, its key and the program that makes the crowd. Sourced after lib.sh.
. "$(dirname "$0")/lib.sh"

CONTENTION=$IOTHSM_BUILD/bin/test_contention

# crowd MODE [ARGUMENTS…]: runs that mode on the token "crowd".
crowd() {
	local mode=$1
	shift
	ASAN_OPTIONS=detect_leaks=0 "$CONTENTION" "$mode" "$MODULE" crowd "$PIN" "$@" >"$WORK/crowd.txt" 2>&1 ||
		fail "$mode $*: $(cat "$WORK/crowd.txt")"
	cat "$WORK/crowd.txt"
}

softhsm_new
softhsm_token crowd
softhsm_token other
