# SPDX-License-Identifier: Apache-2.0
iothsm_unit_test(oaep iothsm-host)
iothsm_unit_test(mutex iothsm-host)
set_tests_properties(unit.mutex PROPERTIES LABELS "unit;threads")
