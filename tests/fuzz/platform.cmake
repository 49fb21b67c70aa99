# SPDX-License-Identifier: Apache-2.0
foreach(name csr custom date job)
	iothsm_fuzz_target(${name} iothsm-jobs)
endforeach()
iothsm_fuzz_target(registration iothsm-bridge-core)
