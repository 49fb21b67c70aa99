# SPDX-License-Identifier: Apache-2.0
add_executable(test_client support/client.c)
target_link_libraries(test_client PRIVATE iothsm-headers ${CMAKE_DL_LIBS})

iothsm_integration_test(equal_to_direct)
iothsm_integration_test(consumers)
iothsm_integration_test(isolation)
iothsm_integration_test(recovery)
iothsm_integration_test(rescan)
iothsm_integration_test(provisioning)
if(NOT IOTHSM_SANITIZE)
	iothsm_integration_test(one_round_trip)
endif()

add_executable(test_semantics support/semantics.c support/semantics_cipher.c support/semantics_interface.c
	support/semantics_oaep.c support/semantics_object.c support/semantics_operation.c support/semantics_process.c
	support/semantics_session.c)
target_link_libraries(test_semantics PRIVATE iothsm-headers PkgConfig::CMOCKA Threads::Threads ${CMAKE_DL_LIBS})
iothsm_integration_test(semantics)

foreach(name differential lifecycle long_messages)
	add_executable(test_${name} support/${name}.c)
	target_link_libraries(test_${name} PRIVATE iothsm-headers PkgConfig::CMOCKA Threads::Threads ${CMAKE_DL_LIBS})
	iothsm_integration_test(${name})
endforeach()
