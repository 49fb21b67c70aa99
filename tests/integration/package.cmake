# SPDX-License-Identifier: Apache-2.0
iothsm_integration_test(activation)
# A package is built from a release tree of its own, whatever this tree is.
if(NOT IOTHSM_SANITIZE)
	iothsm_integration_test(package)
	set_tests_properties(integration.package PROPERTIES LABELS "integration;slow" TIMEOUT 1800)
endif()
