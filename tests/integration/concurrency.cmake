# SPDX-License-Identifier: Apache-2.0
add_executable(test_contention support/contention.c)
target_link_libraries(test_contention PRIVATE iothsm-headers Threads::Threads ${CMAKE_DL_LIBS})
add_library(test_watched MODULE support/watched_library.c)
target_link_libraries(test_watched PRIVATE iothsm-headers ${CMAKE_DL_LIBS})

iothsm_integration_test(contention)
iothsm_integration_test(serial)
iothsm_integration_test(pkcs11_tool)
# A crowd that shares the machine with other tests proves nothing of either.
set_tests_properties(integration.contention integration.serial PROPERTIES RUN_SERIAL TRUE)
