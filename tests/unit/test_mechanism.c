/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mechanism.h"

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, 1024 * 1024);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_reset(&arena);
	return 0;
}

/* Over the wire and back. */
static CK_RV travel(CK_MECHANISM_TYPE type, const void *parameter, CK_ULONG len, CK_MECHANISM *back)
{
	CK_MECHANISM mechanism = { type, (void *)(uintptr_t)parameter, len };
	struct bytes flat;

	TRY(mechanism_flatten(&mechanism, &arena, &flat));
	return mechanism_unflatten(type, flat, &arena, back);
}

static void null_parameter_stays_absent(void **state)
{
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
	CK_MECHANISM back;
	struct bytes flat;

	(void)state;
	assert_int_equal(mechanism_flatten(&mechanism, &arena, &flat), CKR_OK);
	assert_null(flat.data);
	assert_int_equal(mechanism_unflatten(CKM_ECDSA, flat, &arena, &back), CKR_OK);
	assert_null(back.pParameter);
}

static void null_with_a_length_is_refused(void **state)
{
	CK_MECHANISM back;

	(void)state;
	assert_int_equal(travel(CKM_AES_CBC, NULL, 16, &back), CKR_MECHANISM_PARAM_INVALID);
}

static void pss_and_vendor_parameters_are_opaque(void **state)
{
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
	CK_MECHANISM back;

	(void)state;
	assert_int_equal(travel(CKM_RSA_PKCS_PSS, &pss, sizeof(pss), &back), CKR_OK);
	assert_memory_equal(back.pParameter, &pss, sizeof(pss));
	assert_int_equal(travel(0xC94F0001UL, "vendor", 6, &back), CKR_OK);
	assert_int_equal(back.ulParameterLen, 6);
	assert_memory_equal(back.pParameter, "vendor", 6);
}

static void oaep_label_is_rebuilt(void **state)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED,
		(void *)(uintptr_t) "label", 5 };
	CK_MECHANISM back;

	(void)state;
	assert_int_equal(travel(CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep), &back), CKR_OK);

	const CK_RSA_PKCS_OAEP_PARAMS *got = back.pParameter;

	assert_int_equal(back.ulParameterLen, sizeof(oaep));
	assert_int_equal(got->hashAlg, CKM_SHA256);
	assert_ptr_not_equal(got->pSourceData, oaep.pSourceData);
	assert_memory_equal(got->pSourceData, "label", 5);
}

static void oaep_without_a_label_has_none(void **state)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM back;

	(void)state;
	assert_int_equal(travel(CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep), &back), CKR_OK);
	assert_null(((CK_RSA_PKCS_OAEP_PARAMS *)back.pParameter)->pSourceData);
}

static void ecdh_keeps_both_of_its_values_apart(void **state)
{
	CK_ECDH1_DERIVE_PARAMS ecdh = { CKD_NULL, 3, (void *)(uintptr_t) "abc", 4,
		(void *)(uintptr_t) "wxyz" };
	CK_MECHANISM back;

	(void)state;
	assert_int_equal(travel(CKM_ECDH1_DERIVE, &ecdh, sizeof(ecdh), &back), CKR_OK);

	const CK_ECDH1_DERIVE_PARAMS *got = back.pParameter;

	assert_memory_equal(got->pSharedData, "abc", 3);
	assert_memory_equal(got->pPublicData, "wxyz", 4);
}

static void both_layouts_of_gcm_are_told_apart(void **state)
{
	CK_BYTE aad[136] = { 1 };
	CK_GCM_PARAMS full = { (void *)(uintptr_t) "iv", 2, 16, aad, sizeof(aad), 128 };
	struct {
		const void *iv;
		CK_ULONG iv_len;
		void *aad;
		CK_ULONG aad_len;
		CK_ULONG tag_bits;
	} brief = { "iv", 2, aad, sizeof(aad), 128 };
	CK_MECHANISM back;

	(void)state;
	assert_int_equal(travel(CKM_AES_GCM, &full, sizeof(full), &back), CKR_OK);
	assert_int_equal(back.ulParameterLen, sizeof(full));
	assert_int_equal(((CK_GCM_PARAMS *)back.pParameter)->ulIvBits, 16);
	assert_int_equal(travel(CKM_AES_GCM, &brief, sizeof(brief), &back), CKR_OK);
	assert_int_equal(back.ulParameterLen, sizeof(brief));
	assert_memory_equal(*(void **)back.pParameter, "iv", 2);
}

static void every_structure_with_pointers_survives(void **state)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		size_t size;
		size_t pointer;
		size_t len;
	} cases[] = {
		{ CKM_AES_CCM, sizeof(CK_CCM_PARAMS), offsetof(CK_CCM_PARAMS, pAAD),
			offsetof(CK_CCM_PARAMS, ulAADLen) },
		{ CKM_EDDSA, sizeof(CK_EDDSA_PARAMS), offsetof(CK_EDDSA_PARAMS, pContextData),
			offsetof(CK_EDDSA_PARAMS, ulContextDataLen) },
		{ CKM_HKDF_DERIVE, sizeof(CK_HKDF_PARAMS), offsetof(CK_HKDF_PARAMS, pInfo),
			offsetof(CK_HKDF_PARAMS, ulInfoLen) },
		{ CKM_AES_CBC_ENCRYPT_DATA, sizeof(CK_AES_CBC_ENCRYPT_DATA_PARAMS),
			offsetof(CK_AES_CBC_ENCRYPT_DATA_PARAMS, pData),
			offsetof(CK_AES_CBC_ENCRYPT_DATA_PARAMS, length) },
		{ CKM_DES3_CBC_ENCRYPT_DATA, sizeof(CK_DES_CBC_ENCRYPT_DATA_PARAMS),
			offsetof(CK_DES_CBC_ENCRYPT_DATA_PARAMS, pData),
			offsetof(CK_DES_CBC_ENCRYPT_DATA_PARAMS, length) },
		{ CKM_AES_ECB_ENCRYPT_DATA, sizeof(CK_KEY_DERIVATION_STRING_DATA),
			offsetof(CK_KEY_DERIVATION_STRING_DATA, pData),
			offsetof(CK_KEY_DERIVATION_STRING_DATA, ulLen) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_Alignas(16) uint8_t structure[128] = { 0 };
		const char *data = "pointed to";
		CK_ULONG len = 10;
		CK_MECHANISM back;

		memcpy(structure + cases[i].pointer, &data, sizeof(data));
		memcpy(structure + cases[i].len, &len, sizeof(len));
		assert_int_equal(travel(cases[i].type, structure, cases[i].size, &back), CKR_OK);
		memcpy(&data, (uint8_t *)back.pParameter + cases[i].pointer, sizeof(data));
		assert_memory_equal(data, "pointed to", 10);
	}
}

static void no_address_travels(void **state)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, &oaep, 4 };
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) };
	void *address = &oaep;
	struct bytes flat;

	(void)state;
	assert_int_equal(mechanism_flatten(&mechanism, &arena, &flat), CKR_OK);
	assert_null(memmem(flat.data, sizeof(CK_ULONG) + sizeof(oaep), &address, sizeof(address)));
}

static void structure_of_another_length_is_refused(void **state)
{
	uint8_t parameter[64] = { 0 };
	CK_MECHANISM back;

	(void)state;
	assert_int_equal(
		travel(CKM_RSA_PKCS_OAEP, parameter, sizeof(CK_RSA_PKCS_OAEP_PARAMS) - 1, &back),
		CKR_MECHANISM_PARAM_INVALID);
}

static void parameter_with_pointers_we_do_not_know_never_travels(void **state)
{
	uint8_t parameter[64] = { 0 };
	CK_MECHANISM back;

	(void)state;
	assert_int_equal(travel(CKM_PKCS5_PBKD2, parameter, sizeof(parameter), &back),
		CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(mechanism_unflatten(CKM_PKCS5_PBKD2,
				 bytes_of(parameter, sizeof(parameter)), &arena, &back),
		CKR_MECHANISM_PARAM_INVALID);
}

static void object_handle_in_a_parameter_never_arrives(void **state)
{
	CK_OBJECT_HANDLE other = 5;
	CK_HKDF_PARAMS hkdf = { .ulSaltType = CKF_HKDF_SALT_KEY, .hSaltKey = 5 };
	CK_MECHANISM back;

	(void)state;
	assert_int_equal(mechanism_unflatten(CKM_CONCATENATE_BASE_AND_KEY,
				 bytes_of(&other, sizeof(other)), &arena, &back),
		CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(
		travel(CKM_HKDF_DERIVE, &hkdf, sizeof(hkdf), &back), CKR_MECHANISM_PARAM_INVALID);
	hkdf.ulSaltType = CKF_HKDF_SALT_NULL;
	assert_int_equal(travel(CKM_HKDF_DERIVE, &hkdf, sizeof(hkdf), &back), CKR_OK);
}

static void lengths_that_do_not_add_up_are_refused(void **state)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, &oaep, 4 };
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) };
	CK_MECHANISM back;
	struct bytes flat;

	(void)state;
	assert_int_equal(mechanism_flatten(&mechanism, &arena, &flat), CKR_OK);
	for (size_t len = 1; len < flat.len; len++)
		assert_int_equal(mechanism_unflatten(CKM_RSA_PKCS_OAEP, bytes_of(flat.data, len),
					 &arena, &back),
			CKR_MECHANISM_PARAM_INVALID);
}

static void null_pointer_with_a_length_is_refused_at_both_ends(void **state)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 4 };
	uint8_t flat[sizeof(CK_ULONG) + sizeof(oaep) + 4] = { 0 };
	CK_ULONG size = sizeof(oaep);
	CK_MECHANISM back;

	(void)state;
	memcpy(flat, &size, sizeof(size));
	memcpy(flat + sizeof(size), &oaep, sizeof(oaep));
	assert_int_equal(
		travel(CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep), &back), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(
		mechanism_unflatten(CKM_RSA_PKCS_OAEP, bytes_of(flat, sizeof(flat)), &arena, &back),
		CKR_MECHANISM_PARAM_INVALID);
}

static void data_beyond_the_arena_is_host_memory(void **state)
{
	static uint8_t data[2 * 1024 * 1024];
	CK_MECHANISM back;

	(void)state;
	assert_int_equal(
		mechanism_unflatten(0xC94F0001UL, bytes_of(data, sizeof(data)), &arena, &back),
		CKR_HOST_MEMORY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(null_parameter_stays_absent),
		TEST(null_with_a_length_is_refused),
		TEST(pss_and_vendor_parameters_are_opaque),
		TEST(oaep_label_is_rebuilt),
		TEST(oaep_without_a_label_has_none),
		TEST(ecdh_keeps_both_of_its_values_apart),
		TEST(both_layouts_of_gcm_are_told_apart),
		TEST(every_structure_with_pointers_survives),
		TEST(no_address_travels),
		TEST(structure_of_another_length_is_refused),
		TEST(parameter_with_pointers_we_do_not_know_never_travels),
		TEST(object_handle_in_a_parameter_never_arrives),
		TEST(lengths_that_do_not_add_up_are_refused),
		TEST(null_pointer_with_a_length_is_refused_at_both_ends),
		TEST(data_beyond_the_arena_is_host_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
