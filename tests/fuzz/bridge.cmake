# SPDX-License-Identifier: Apache-2.0
iothsm_fuzz_target(pubnub iothsm-bridge-core)
iothsm_fuzz_target(journal iothsm-bridge-core)
