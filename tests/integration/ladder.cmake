# SPDX-License-Identifier: Apache-2.0
iothsm_integration_test(ladder)
iothsm_integration_test(ladder_agent)
