# SPDX-License-Identifier: Apache-2.0
foreach(name cli_anchor migrate_kms migrate_pins)
	iothsm_unit_test(${name} iothsm-cli Threads::Threads)
endforeach()
