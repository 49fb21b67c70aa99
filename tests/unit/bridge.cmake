# SPDX-License-Identifier: Apache-2.0
foreach(file backoff bridge_config control intake journal platform pubnub queue refusal replay skim state wallclock)
	iothsm_unit_test(${file} iothsm-bridge-core)
endforeach()
set_tests_properties(unit.intake unit.queue unit.replay PROPERTIES LABELS "unit;threads")
