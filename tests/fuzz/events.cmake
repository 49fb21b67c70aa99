# SPDX-License-Identifier: Apache-2.0
iothsm_fuzz_target(storage iothsm-host)
