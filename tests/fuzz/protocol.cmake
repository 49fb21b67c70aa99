# SPDX-License-Identifier: Apache-2.0
foreach(name envelope message inflate)
	iothsm_fuzz_target(${name} iothsm-protocol)
endforeach()
