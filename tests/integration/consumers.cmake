# SPDX-License-Identifier: Apache-2.0
iothsm_integration_test(consumers_tls)
iothsm_integration_test(consumers_ssh)
iothsm_integration_test(consumers_tools)
iothsm_integration_test(consumers_java)
iothsm_integration_test(consumers_manual)
iothsm_integration_test(consumers_servers)

# Java, NSS and Python do not bear a sanitizer's runtime in front of them: they load the module built without one, and
# the agent and its hosts, sanitized, answer them.
if(IOTHSM_SANITIZE)
	set(plain_sources)
	foreach(target iothsm-wire iothsm-module)
		get_target_property(sources ${target} SOURCES)
		get_target_property(directory ${target} SOURCE_DIR)
		foreach(source IN LISTS sources)
			cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${directory})
			list(APPEND plain_sources ${source})
		endforeach()
	endforeach()
	get_target_property(plain_map iothsm-pkcs11 SOURCES)
	add_library(iothsm-plain SHARED ${plain_sources})
	add_dependencies(iothsm-plain iothsm-wire)
	# Without the flags that every other target is built with.
	set_target_properties(iothsm-plain PROPERTIES LINK_LIBRARIES "" C_VISIBILITY_PRESET default SOVERSION 0
		OUTPUT_NAME iothsm-pkcs11 LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/plain)
	target_include_directories(iothsm-plain PRIVATE
		$<TARGET_PROPERTY:iothsm-wire,INTERFACE_INCLUDE_DIRECTORIES>)
	target_compile_definitions(iothsm-plain PRIVATE _GNU_SOURCE PB_ENABLE_MALLOC IOTHSM_VERSION="${PROJECT_VERSION}")
	target_compile_options(iothsm-plain PRIVATE -Wall)
	target_link_libraries(iothsm-plain PRIVATE iothsm-headers nanopb::protobuf-nanopb-static)
	target_link_options(iothsm-plain PRIVATE -Wl,--version-script=${plain_map} -Wl,-z,nodelete -Wl,--exclude-libs,ALL)
endif()
