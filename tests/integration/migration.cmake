# SPDX-License-Identifier: Apache-2.0
iothsm_integration_test(appliances)
iothsm_integration_test(delivery)
iothsm_integration_test(migrate)
