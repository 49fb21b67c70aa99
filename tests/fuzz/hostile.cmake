# SPDX-License-Identifier: Apache-2.0
add_library(iothsm-hostile-agent STATIC support/hostile_agent.c)
target_include_directories(iothsm-hostile-agent PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/support)
target_link_libraries(iothsm-hostile-agent PUBLIC iothsm-wire)

iothsm_fuzz_target(agent iothsm-module iothsm-hostile-agent)
target_link_options(fuzz_agent PRIVATE
	-Wl,--wrap=connect,--wrap=sendmsg,--wrap=poll,--wrap=clock_gettime)
