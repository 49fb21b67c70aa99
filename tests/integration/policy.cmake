# SPDX-License-Identifier: Apache-2.0
# Every way around a policy, by a program of its own.
add_executable(test_policed support/policed.c)
target_link_libraries(test_policed PRIVATE iothsm-headers OpenSSL::Crypto ${CMAKE_DL_LIBS})
iothsm_integration_test(policy)
