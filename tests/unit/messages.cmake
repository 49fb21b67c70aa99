# SPDX-License-Identifier: Apache-2.0
foreach(name functions_3_2 split wait)
	iothsm_unit_test(${name} iothsm-module iothsm-mock-agent)
endforeach()
