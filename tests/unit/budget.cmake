# SPDX-License-Identifier: Apache-2.0
iothsm_unit_test(budget iothsm-wire Threads::Threads)
set_tests_properties(unit.budget PROPERTIES LABELS "unit;threads")
