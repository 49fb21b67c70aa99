# SPDX-License-Identifier: Apache-2.0
iothsm_integration_test(audit)
