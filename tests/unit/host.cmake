# SPDX-License-Identifier: Apache-2.0
add_library(iothsm-host-fixture STATIC support/host_fixture.c support/mock_library.c)
target_include_directories(iothsm-host-fixture PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/support)
target_link_libraries(iothsm-host-fixture PUBLIC iothsm-host)

foreach(name gate guard hashed)
	iothsm_unit_test(${name} iothsm-host)
endforeach()
foreach(name host_session host_object login dispatch)
	iothsm_unit_test(${name} iothsm-host-fixture)
endforeach()
set_tests_properties(unit.gate unit.login unit.dispatch PROPERTIES LABELS "unit;threads")
