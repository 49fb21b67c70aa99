# SPDX-License-Identifier: Apache-2.0
foreach(name arena mechanism spin wire)
	iothsm_unit_test(${name} iothsm-wire)
endforeach()

add_library(iothsm-mock-agent STATIC support/mock_agent.c support/mock_session.c)
target_include_directories(iothsm-mock-agent PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/support)
target_link_libraries(iothsm-mock-agent PUBLIC iothsm-wire)

foreach(name connection invoke session)
	iothsm_unit_test(${name} iothsm-module iothsm-mock-agent)
endforeach()
set_tests_properties(unit.connection unit.invoke unit.session PROPERTIES LABELS "unit;threads")
