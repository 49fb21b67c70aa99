# SPDX-License-Identifier: Apache-2.0
foreach(file endpoint hsm_holdings ladder metrics scrape workload)
	iothsm_unit_test(${file} iothsm-bridge-core)
endforeach()
iothsm_unit_test(cli_ladder iothsm-cli Threads::Threads)
