/* SPDX-License-Identifier: Apache-2.0 */
/* Hashed mechanisms that the host adds: what reaches the raw mechanism. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hashed.h"

static const uint8_t sha256_abc[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41,
	0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4,
	0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad };

static struct bytes digest(void)
{
	return bytes_of(sha256_abc, sizeof(sha256_abc));
}

static void whole_message_becomes_its_digest(void **state)
{
	struct hashed hashed = { 0 };
	struct bytes whole = bytes_of_text("abc"), input;

	(void)state;
	hashed_begin(&hashed, hashed_form_of(CKM_ECDSA_SHA256));
	assert_int_equal(hashed_finish(&hashed, &whole, &input), CKR_OK);
	assert_true(bytes_equal(input, digest()));
	hashed_end(&hashed);
}

static void parts_give_the_same_and_can_be_asked_twice(void **state)
{
	struct hashed hashed = { 0 };
	struct bytes input;

	(void)state;
	hashed_begin(&hashed, hashed_form_of(CKM_ECDSA_SHA256));
	assert_int_equal(hashed_update(&hashed, bytes_of_text("a")), CKR_OK);
	assert_int_equal(hashed_update(&hashed, bytes_of_text("bc")), CKR_OK);
	assert_int_equal(hashed_finish(&hashed, NULL, &input), CKR_OK);
	assert_int_equal(hashed_finish(&hashed, NULL, &input), CKR_OK);
	assert_true(bytes_equal(input, digest()));
	assert_int_equal(hashed_update(&hashed, bytes_of_text("d")), CKR_OPERATION_NOT_INITIALIZED);
	hashed_end(&hashed);
}

static void whole_message_after_parts_is_refused(void **state)
{
	struct hashed hashed = { 0 };
	struct bytes whole = bytes_of_text("c"), input;

	(void)state;
	hashed_begin(&hashed, hashed_form_of(CKM_ECDSA_SHA256));
	assert_int_equal(hashed_update(&hashed, bytes_of_text("ab")), CKR_OK);
	assert_int_equal(hashed_finish(&hashed, &whole, &input), CKR_OPERATION_ACTIVE);
	hashed_end(&hashed);
}

static void pkcs1_input_is_a_digest_info(void **state)
{
	static const uint8_t prefix[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
		0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
	struct hashed hashed = { 0 };
	struct bytes whole = bytes_of_text("abc"), input;

	(void)state;
	hashed_begin(&hashed, hashed_form_of(CKM_SHA256_RSA_PKCS));
	assert_int_equal(hashed_finish(&hashed, &whole, &input), CKR_OK);
	assert_int_equal(input.len, sizeof(prefix) + sizeof(sha256_abc));
	assert_memory_equal(input.data, prefix, sizeof(prefix));
	assert_memory_equal(input.data + sizeof(prefix), sha256_abc, sizeof(sha256_abc));
	hashed_end(&hashed);
}

static void pss_parameter_must_name_the_same_hash(void **state)
{
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
	CK_MECHANISM mechanism = { CKM_SHA384_RSA_PKCS_PSS, &pss, sizeof(pss) };
	CK_MECHANISM raw;

	(void)state;
	assert_int_equal(
		hashed_raw_mechanism(hashed_form_of(CKM_SHA384_RSA_PKCS_PSS), &mechanism, &raw),
		CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(
		hashed_raw_mechanism(hashed_form_of(CKM_SHA256_RSA_PKCS_PSS), &mechanism, &raw),
		CKR_OK);
	assert_int_equal(raw.mechanism, CKM_RSA_PKCS_PSS);
	mechanism.ulParameterLen = 0;
	mechanism.pParameter = NULL;
	assert_int_equal(
		hashed_raw_mechanism(hashed_form_of(CKM_SHA256_RSA_PKCS_PSS), &mechanism, &raw),
		CKR_MECHANISM_PARAM_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_message_becomes_its_digest),
		cmocka_unit_test(parts_give_the_same_and_can_be_asked_twice),
		cmocka_unit_test(whole_message_after_parts_is_refused),
		cmocka_unit_test(pkcs1_input_is_a_digest_info),
		cmocka_unit_test(pss_parameter_must_name_the_same_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
