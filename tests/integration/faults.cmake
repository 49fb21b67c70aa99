# SPDX-License-Identifier: Apache-2.0
# SoftHSM2 that fails on demand, agents of other wire versions, and the program that meets all faults.
add_library(test_faulty MODULE support/faulty_library.c)
target_link_libraries(test_faulty PRIVATE iothsm-headers ${CMAKE_DL_LIBS})
target_compile_definitions(test_faulty PRIVATE TEST_SOFTHSM="/usr/lib/softhsm/libsofthsm2.so")

foreach(agent newer:2:1 foreign:4:3)
	string(REPLACE ":" ";" versions ${agent})
	list(GET versions 0 name)
	list(GET versions 1 newest)
	list(GET versions 2 oldest)
	add_executable(test_agent_${name} ${PROJECT_SOURCE_DIR}/agent/main.c ${PROJECT_SOURCE_DIR}/agent/hello.c)
	target_compile_definitions(test_agent_${name} PRIVATE WIRE_VERSION=${newest}
		WIRE_VERSION_OLDEST=${oldest} IOTHSM_LIBEXEC="")
	target_link_libraries(test_agent_${name} PRIVATE iothsm-front)
endforeach()

add_executable(test_faults support/faults.c support/fault_kit.c support/fault_host.c support/fault_agent.c
	support/fault_process.c support/fault_token.c)
target_link_libraries(test_faults PRIVATE iothsm-headers Threads::Threads ${CMAKE_DL_LIBS})
add_dependencies(test_faults test_faulty test_agent_newer test_agent_foreign)
iothsm_integration_test(faults)
# Its processes are stopped and killed for seconds: beside another test deadlines of others would pass.
set_tests_properties(integration.faults PROPERTIES RUN_SERIAL TRUE TIMEOUT 600)
