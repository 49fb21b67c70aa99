# SPDX-License-Identifier: Apache-2.0
iothsm_fuzz_target(call iothsm-wire)
iothsm_fuzz_target(reply iothsm-wire)
