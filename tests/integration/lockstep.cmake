# SPDX-License-Identifier: Apache-2.0
add_executable(test_lockstep support/lockstep.c support/lockstep_call.c support/lockstep_draw.c)
target_include_directories(test_lockstep PRIVATE ${PROJECT_SOURCE_DIR}/module)
target_link_libraries(test_lockstep PRIVATE iothsm-headers ${CMAKE_DL_LIBS})
iothsm_integration_test(lockstep)
