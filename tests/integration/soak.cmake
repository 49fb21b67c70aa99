# SPDX-License-Identifier: Apache-2.0
iothsm_integration_test(soak)
set_tests_properties(integration.soak PROPERTIES LABELS "integration;slow" RUN_SERIAL TRUE)
