# SPDX-License-Identifier: Apache-2.0
iothsm_unit_test(recorder iothsm-host)
iothsm_unit_test(record iothsm-host-fixture)
iothsm_unit_test(cli_audit iothsm-cli Threads::Threads)
set_tests_properties(unit.recorder PROPERTIES LABELS "unit;threads")
