# SPDX-License-Identifier: Apache-2.0
add_library(iothsm-test-vectors STATIC support/vectors.c)
target_include_directories(iothsm-test-vectors PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_definitions(iothsm-test-vectors PRIVATE TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data")
target_link_libraries(iothsm-test-vectors PUBLIC iothsm-base)

iothsm_unit_test(json iothsm-base)
iothsm_unit_test(message iothsm-protocol iothsm-test-vectors)
iothsm_unit_test(envelope iothsm-protocol iothsm-test-vectors)
foreach(name delivery hub identity)
	iothsm_unit_test(${name} iothsm-standin-core)
endforeach()
iothsm_unit_test(profile iothsm-standin-core iothsm-test-vectors)
iothsm_unit_test(check iothsm-standin-core iothsm-test-vectors)

add_library(iothsm-test-appliance STATIC support/appliance.c)
target_include_directories(iothsm-test-appliance PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(iothsm-test-appliance PUBLIC iothsm-standin-core iothsm-jobs)
iothsm_unit_test(standin iothsm-test-appliance iothsm-test-vectors)
