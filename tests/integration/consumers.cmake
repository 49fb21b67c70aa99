# SPDX-License-Identifier: Apache-2.0
iothsm_integration_test(consumers_tls)
iothsm_integration_test(consumers_ssh)
# Java, NSS and Python do not bear a sanitizer's runtime in front of them.
if(NOT IOTHSM_SANITIZE)
	iothsm_integration_test(consumers_tools)
	iothsm_integration_test(consumers_java)
endif()
