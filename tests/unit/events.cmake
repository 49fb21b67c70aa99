# SPDX-License-Identifier: Apache-2.0
foreach(name lookout storage)
	iothsm_unit_test(${name} iothsm-host)
endforeach()
iothsm_unit_test(takeover iothsm-front)
