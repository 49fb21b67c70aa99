# SPDX-License-Identifier: Apache-2.0
# Many programs and many threads on one token at the same instant: all of them get on, and none starves.
. "$(dirname "$0")/contention_lib.sh"

agent_start
p11 --token-label crowd --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 --id 01 --label p256 >/dev/null

say "32 programs start, log in, sign and end at the same instant"
crowd sign 32

say "100 programs log in at the same instant, with a PIN whose check is slow"
crowd login 100

say "signatures beside changes of PIN, an SO's visits and another token's initialisation"
crowd beside other "$SO_PIN"

# Over several cores it is the kernel that places threads unevenly; here only locks and turns could.
say "8 threads share one token evenly, on one core"
taskset -apc 0 "$AGENT_PID" >/dev/null
taskset -apc 0 "$(host_pid)" >/dev/null
taskset -pc 0 $$ >/dev/null
crowd share
