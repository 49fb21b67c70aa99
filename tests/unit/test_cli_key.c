/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/objects.h>

#include "cli_key.h"

static void types_are_found_in_any_letter_case(void **state)
{
	(void)state;
	assert_int_equal(cli_key_type_find("RSA:4096")->bits, 4096);
	assert_int_equal(cli_key_type_find("ec:SECP384R1")->type, CKK_EC);
	assert_null(cli_key_type_find("rsa:1024"));
	assert_null(cli_key_type_find(""));
}

static void curve_parameters_are_the_object_identifiers_of_their_names(void **state)
{
	static const struct {
		const char *name;
		int nid;
	} curves[] = { { "EC:prime256v1", NID_X9_62_prime256v1 }, { "EC:secp384r1", NID_secp384r1 },
		{ "EC:secp521r1", NID_secp521r1 }, { "ed25519", NID_ED25519 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		struct bytes params = cli_key_type_find(curves[i].name)->params;
		const unsigned char *at = params.data;
		ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, (long)params.len);

		assert_non_null(object);
		assert_int_equal(OBJ_obj2nid(object), curves[i].nid);
		ASN1_OBJECT_free(object);
	}
}

static const CK_ATTRIBUTE *find(const struct cli_key_template *template, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < template->count; i++)
		if (template->list[i].type == type)
			return &template->list[i];
	return NULL;
}

static void private_key_signs_and_never_leaves(void **state)
{
	struct cli_key_template template = { 0 };

	(void)state;
	cli_key_put_common(&template, CKO_PRIVATE_KEY, bytes_of("\x07", 1), "demo");

	assert_true(*(CK_BBOOL *)find(&template, CKA_PRIVATE)->pValue);
	assert_true(*(CK_BBOOL *)find(&template, CKA_SENSITIVE)->pValue);
	assert_true(*(CK_BBOOL *)find(&template, CKA_SIGN)->pValue);
	assert_false(*(CK_BBOOL *)find(&template, CKA_EXTRACTABLE)->pValue);
	assert_int_equal(find(&template, CKA_LABEL)->ulValueLen, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_found_in_any_letter_case),
		cmocka_unit_test(curve_parameters_are_the_object_identifiers_of_their_names),
		cmocka_unit_test(private_key_signs_and_never_leaves),
	};

	return cmocka_run_group_tests_name("cli_key", tests, NULL, NULL);
}
