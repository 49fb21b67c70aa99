# SPDX-License-Identifier: Apache-2.0
iothsm_fuzz_target(dispatch iothsm-host-fixture)
target_link_options(fuzz_dispatch PRIVATE -Wl,--wrap=EVP_PBE_scrypt)
if(IOTHSM_FUZZ)
	target_sources(fuzz_dispatch PRIVATE fuzz/frames_mutator.c)
endif()
