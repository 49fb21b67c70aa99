/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <iothsm/iothsm.h>

#include "mechanism_name.h"

static void name_and_number_mean_the_mechanism(void **state)
{
	CK_MECHANISM_TYPE type = 0;
	(void)state;

	assert_true(mechanism_name_find("CKM_ECDSA_SHA256", &type));
	assert_int_equal(type, CKM_ECDSA_SHA256);
	assert_true(mechanism_name_find("0x80000001", &type));
	assert_int_equal(type, 0x80000001UL);
	assert_true(mechanism_name_find("CKM_IOTHSM_CSR", &type));
	assert_int_equal(type, CKM_IOTHSM_CSR);
}

static void anything_else_is_refused(void **state)
{
	static const char *const wrong[] = { "", "0x", "0xg", "0x1 ", "4161", "ECDSA", "ckm_ecdsa",
		"CKM_ECDSA ", "-1", "0x11111111111111111" };
	CK_MECHANISM_TYPE type = 0;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		if (mechanism_name_find(wrong[i], &type))
			fail_msg("'%s' was taken", wrong[i]);
}

static void log_uses_the_usual_name(void **state)
{
	(void)state;

	assert_string_equal(mechanism_name_of(CKM_RSA_PKCS), "CKM_RSA_PKCS");
	assert_string_equal(mechanism_name_of(CKM_IOTHSM_PREPARE_KEY), "CKM_IOTHSM_PREPARE_KEY");
	assert_null(mechanism_name_of(0x80001234UL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_and_number_mean_the_mechanism),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(log_uses_the_usual_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
