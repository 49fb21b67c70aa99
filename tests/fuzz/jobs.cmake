# SPDX-License-Identifier: Apache-2.0
iothsm_fuzz_target(database iothsm-jobs)
iothsm_fuzz_target(options iothsm-jobs)
