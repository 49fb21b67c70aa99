# SPDX-License-Identifier: Apache-2.0
add_executable(test_secrets support/secrets.c)
target_link_libraries(test_secrets PRIVATE iothsm-headers ${CMAKE_DL_LIBS})

iothsm_integration_test(secrets)
iothsm_integration_test(hostile)
