# SPDX-License-Identifier: Apache-2.0
iothsm_unit_test(token_match iothsm-front)
iothsm_unit_test(throttle iothsm-base)
iothsm_unit_test(mechanism_name iothsm-link)
iothsm_unit_test(permit iothsm-host-fixture)
iothsm_unit_test(expense iothsm-host-fixture)
set_tests_properties(unit.expense PROPERTIES LABELS "unit;threads")
