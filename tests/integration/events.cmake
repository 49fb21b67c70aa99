# SPDX-License-Identifier: Apache-2.0
add_executable(test_slot_events support/slot_events.c)
target_link_libraries(test_slot_events PRIVATE iothsm-headers Threads::Threads ${CMAKE_DL_LIBS})
iothsm_integration_test(events)
