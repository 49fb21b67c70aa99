/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "key_kind.h"

static void a_mechanism_takes_keys_of_its_type(void **state)
{
	(void)state;
	assert_int_equal(key_kind_check(CKM_SHA256_RSA_PKCS, CKO_PRIVATE_KEY, CKK_RSA), CKR_OK);
	assert_int_equal(key_kind_check(CKM_RSA_PKCS_OAEP, CKO_PRIVATE_KEY, CKK_RSA), CKR_OK);
	assert_int_equal(key_kind_check(CKM_ECDSA, CKO_PRIVATE_KEY, CKK_EC), CKR_OK);
	assert_int_equal(key_kind_check(CKM_EDDSA, CKO_PRIVATE_KEY, CKK_EC_EDWARDS), CKR_OK);
	assert_int_equal(key_kind_check(CKM_DSA_SHA1, CKO_PRIVATE_KEY, CKK_DSA), CKR_OK);
}

static void a_key_of_another_type_is_refused(void **state)
{
	(void)state;
	assert_int_equal(key_kind_check(CKM_SHA1_RSA_PKCS, CKO_SECRET_KEY, CKK_GENERIC_SECRET),
		CKR_KEY_TYPE_INCONSISTENT);
	assert_int_equal(
		key_kind_check(CKM_DSA_SHA1, CKO_PRIVATE_KEY, CKK_EC), CKR_KEY_TYPE_INCONSISTENT);
	assert_int_equal(key_kind_check(CKM_ECDSA_SHA512, CKO_PRIVATE_KEY, CKK_RSA),
		CKR_KEY_TYPE_INCONSISTENT);
	assert_int_equal(key_kind_check(CKM_SHA512_RSA_PKCS_PSS, CKO_SECRET_KEY, CKK_AES),
		CKR_KEY_TYPE_INCONSISTENT);
	assert_int_equal(
		key_kind_check(CKM_EDDSA, CKO_PRIVATE_KEY, CKK_EC), CKR_KEY_TYPE_INCONSISTENT);
}

static void a_secret_key_of_that_type_is_no_half_of_a_pair(void **state)
{
	(void)state;
	assert_int_equal(
		key_kind_check(CKM_ECDSA, CKO_SECRET_KEY, CKK_EC), CKR_KEY_TYPE_INCONSISTENT);
	assert_int_equal(key_kind_check(CKM_ECDSA, CKO_PUBLIC_KEY, CKK_EC), CKR_OK);
}

static void what_is_not_known_is_left_to_the_backend(void **state)
{
	(void)state;
	assert_int_equal(
		key_kind_check(CKM_RSA_PKCS, CKO_SECRET_KEY, CK_UNAVAILABLE_INFORMATION), CKR_OK);
	assert_int_equal(key_kind_check(CKM_AES_CMAC, CKO_SECRET_KEY, CKK_GENERIC_SECRET), CKR_OK);
	assert_int_equal(key_kind_check(CKM_VENDOR_DEFINED | 7, CKO_SECRET_KEY, CKK_AES), CKR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mechanism_takes_keys_of_its_type),
		cmocka_unit_test(a_key_of_another_type_is_refused),
		cmocka_unit_test(a_secret_key_of_that_type_is_no_half_of_a_pair),
		cmocka_unit_test(what_is_not_known_is_left_to_the_backend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
