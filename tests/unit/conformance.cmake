# SPDX-License-Identifier: Apache-2.0
iothsm_unit_test(key_kind iothsm-host)
iothsm_unit_test(library iothsm-module)
