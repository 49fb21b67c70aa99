# SPDX-License-Identifier: Apache-2.0
add_library(iothsm-test-softhsm STATIC support/softhsm.c)
target_include_directories(iothsm-test-softhsm PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(iothsm-test-softhsm PUBLIC iothsm-base PkgConfig::CMOCKA ${CMAKE_DL_LIBS})

add_library(iothsm-test-template STATIC support/sample_template.c)
target_include_directories(iothsm-test-template PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(iothsm-test-template PUBLIC iothsm-provision PkgConfig::CMOCKA)

iothsm_unit_test(certificate iothsm-base)
iothsm_unit_test(key iothsm-test-softhsm)
iothsm_unit_test(store iothsm-provision)
iothsm_unit_test(template iothsm-test-template)

add_library(iothsm-test-lent STATIC support/lent.c)
target_link_libraries(iothsm-test-lent PUBLIC iothsm-test-softhsm iothsm-test-template)
foreach(name import issue prepare provision request)
	iothsm_unit_test(${name} iothsm-test-lent)
endforeach()
