# SPDX-License-Identifier: Apache-2.0
foreach(name file log secret text)
	iothsm_unit_test(${name} iothsm-base)
endforeach()
