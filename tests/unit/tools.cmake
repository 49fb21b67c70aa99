# SPDX-License-Identifier: Apache-2.0
foreach(name cli_bridge cli_certificate cli_error cli_import cli_key cli_object cli_options cli_output cli_pin
	cli_uri)
	iothsm_unit_test(${name} iothsm-cli Threads::Threads)
endforeach()
