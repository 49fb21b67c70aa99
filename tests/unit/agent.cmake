# SPDX-License-Identifier: Apache-2.0
foreach(file caller kept link listen outbox presence rights settings slot_table tally ticket_box)
	iothsm_unit_test(${file} iothsm-front)
endforeach()

# The agent itself with hosts that a test can break.
add_executable(iothsm-host-fake support/fake_host.c)
target_link_libraries(iothsm-host-fake PRIVATE iothsm-link)
set_target_properties(iothsm-host-fake PROPERTIES
	RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/libexec)
iothsm_unit_test(door iothsm-link)
target_sources(test_door PRIVATE support/agent_process.c)
add_dependencies(test_door iothsm-agent iothsm-host-fake)
target_compile_definitions(test_door PRIVATE TEST_AGENT="$<TARGET_FILE:iothsm-agent>"
	TEST_LIBEXEC="$<TARGET_FILE_DIR:iothsm-host-fake>")
set_tests_properties(unit.door PROPERTIES LABELS "unit;threads")
