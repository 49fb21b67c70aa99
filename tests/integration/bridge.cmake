# SPDX-License-Identifier: Apache-2.0
iothsm_integration_test(bridge)
iothsm_integration_test(bridge_agent)
iothsm_integration_test(bridge_keys)
iothsm_integration_test(bridge_faults)
iothsm_integration_test(bridge_journal)
iothsm_integration_test(bridge_load)
set_tests_properties(integration.bridge_load PROPERTIES LABELS "integration;slow")
