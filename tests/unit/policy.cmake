# SPDX-License-Identifier: Apache-2.0
iothsm_unit_test(signed iothsm-policy iothsm-test-vectors)
foreach(name policy policy_file)
	iothsm_unit_test(${name} iothsm-policy)
endforeach()
iothsm_unit_test(police_book iothsm-host)
