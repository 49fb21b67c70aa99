/* SPDX-License-Identifier: Apache-2.0 */
/* RSA-OAEP with every hash, mask and label, most of which the backend does not take. */
#include "semantics.h"

#include <string.h>

enum { BLOCK = 256 };

static CK_BYTE label[] = "a label";

static const struct {
	CK_MECHANISM_TYPE hash;
	CK_RSA_PKCS_MGF_TYPE mask;
	CK_ULONG label_len, room;
} forms[] = {
	{ CKM_SHA_1, CKG_MGF1_SHA1, 0, BLOCK - 42 },
	{ CKM_SHA_1, CKG_MGF1_SHA1, sizeof(label), BLOCK - 42 },
	{ CKM_SHA_1, CKG_MGF1_SHA256, 0, BLOCK - 42 },
	{ CKM_SHA224, CKG_MGF1_SHA224, 0, BLOCK - 58 },
	{ CKM_SHA256, CKG_MGF1_SHA256, 0, BLOCK - 66 },
	{ CKM_SHA256, CKG_MGF1_SHA1, sizeof(label), BLOCK - 66 },
	{ CKM_SHA384, CKG_MGF1_SHA384, 0, BLOCK - 98 },
	{ CKM_SHA512, CKG_MGF1_SHA512, sizeof(label), BLOCK - 130 },
};

static CK_RSA_PKCS_OAEP_PARAMS params_of(size_t form)
{
	CK_RSA_PKCS_OAEP_PARAMS params = { forms[form].hash, forms[form].mask, CKZ_DATA_SPECIFIED,
		forms[form].label_len > 0 ? label : NULL, forms[form].label_len };

	return params;
}

static CK_RV encrypt(CK_SESSION_HANDLE session, CK_RSA_PKCS_OAEP_PARAMS *params, CK_BYTE *plain,
	CK_ULONG len, CK_BYTE *block)
{
	CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, params, sizeof(*params) };
	CK_ULONG block_len = BLOCK;
	CK_RV rv = p11->C_EncryptInit(session, &oaep, find_key(session, CKO_PUBLIC_KEY, ID_RSA));

	return rv == CKR_OK ? p11->C_Encrypt(session, plain, len, block, &block_len) : rv;
}

static CK_RV decrypt(CK_SESSION_HANDLE session, CK_RSA_PKCS_OAEP_PARAMS *params, CK_BYTE *block,
	CK_BYTE *plain, CK_ULONG *len)
{
	CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, params, sizeof(*params) };
	CK_RV rv = p11->C_DecryptInit(session, &oaep, find_key(session, CKO_PRIVATE_KEY, ID_RSA));

	return rv == CKR_OK ? p11->C_Decrypt(session, block, BLOCK, plain, len) : rv;
}

static void every_form_round_trips(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_BYTE plain[BLOCK] = "plain";
	CK_BYTE block[BLOCK];
	CK_BYTE back[BLOCK];

	(void)state;
	log_in(session);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		CK_RSA_PKCS_OAEP_PARAMS params = params_of(i);
		CK_ULONG lengths[] = { 1, 16, forms[i].room };

		for (int j = 0; j < 3; j++) {
			CK_ULONG len = sizeof(back);

			assert_int_equal(
				encrypt(session, &params, plain, lengths[j], block), CKR_OK);
			assert_int_equal(decrypt(session, &params, block, back, &len), CKR_OK);
			assert_int_equal(len, lengths[j]);
			assert_memory_equal(back, plain, len);
		}
		/* SoftHSM2 does the first form itself and has a general error for this. */
		assert_int_equal(encrypt(session, &params, plain, forms[i].room + 1, block),
			i == 0 ? CKR_GENERAL_ERROR : CKR_DATA_LEN_RANGE);
	}
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void whatever_is_wrong_has_one_error(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_RSA_PKCS_OAEP_PARAMS params = params_of(5);
	CK_RSA_PKCS_OAEP_PARAMS another = params_of(5);
	CK_BYTE plain[16] = "plain";
	CK_BYTE block[BLOCK];
	CK_BYTE back[BLOCK];
	CK_ULONG len = sizeof(back);

	(void)state;
	log_in(session);
	assert_int_equal(encrypt(session, &params, plain, sizeof(plain), block), CKR_OK);
	another.ulSourceDataLen--;
	assert_int_equal(decrypt(session, &another, block, back, &len), CKR_ENCRYPTED_DATA_INVALID);
	block[BLOCK - 1] ^= 1;
	assert_int_equal(decrypt(session, &params, block, back, &len), CKR_ENCRYPTED_DATA_INVALID);
	memset(block, 0xff, sizeof(block)); /* more than the modulus */
	assert_int_equal(decrypt(session, &params, block, back, &len), CKR_ENCRYPTED_DATA_INVALID);
	memset(block, 0, sizeof(block));
	assert_int_equal(decrypt(session, &params, block, back, &len), CKR_ENCRYPTED_DATA_INVALID);
	assert_int_equal(
		p11->C_Decrypt(session, block, BLOCK, back, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void lengths_are_told_without_ending_the_operation(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_RSA_PKCS_OAEP_PARAMS params = params_of(4);
	CK_BYTE plain[16] = "plain";
	CK_BYTE block[BLOCK];
	CK_BYTE back[BLOCK];
	CK_ULONG len = 0;

	(void)state;
	log_in(session);
	assert_int_equal(encrypt(session, &params, plain, sizeof(plain), block), CKR_OK);
	assert_int_equal(decrypt(session, &params, block, NULL, &len), CKR_OK);
	assert_int_equal(len, forms[4].room);
	len = 1;
	assert_int_equal(p11->C_Decrypt(session, block, BLOCK, back, &len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(len, forms[4].room);
	assert_int_equal(p11->C_Decrypt(session, block, BLOCK, back, &len), CKR_OK);
	assert_int_equal(len, sizeof(plain));
	assert_memory_equal(back, plain, len);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

/* What the host asks of the backend in the meantime is raw RSA: nobody gets at that. */
static void parts_get_nothing_of_it(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_RSA_PKCS_OAEP_PARAMS params = params_of(4);
	CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, &params, sizeof(params) };
	CK_BYTE block[BLOCK] = { 0 };
	CK_BYTE back[BLOCK];

	(void)state;
	log_in(session);
	CK_OBJECT_HANDLE key = find_key(session, CKO_PRIVATE_KEY, ID_RSA);

	for (int i = 0; i < 2; i++) {
		CK_ULONG len = sizeof(back);

		assert_int_equal(p11->C_DecryptInit(session, &oaep, key), CKR_OK);
		assert_int_equal(i == 0 ? p11->C_DecryptUpdate(session, block, BLOCK, back, &len)
					: p11->C_DecryptFinal(session, back, &len),
			CKR_OPERATION_NOT_INITIALIZED);
		assert_int_equal(p11->C_Decrypt(session, block, BLOCK, back, &len),
			CKR_OPERATION_NOT_INITIALIZED);
	}
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void wrong_parameters_are_refused(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_RSA_PKCS_OAEP_PARAMS params = params_of(4);
	CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, &params, sizeof(params) };
	CK_BYTE block[BLOCK];

	(void)state;
	log_in(session);
	params.hashAlg = CKM_MD5;
	assert_int_equal(encrypt(session, &params, block, 1, block), CKR_MECHANISM_PARAM_INVALID);
	params = params_of(4);
	params.mgf = 77;
	assert_int_equal(encrypt(session, &params, block, 1, block), CKR_MECHANISM_PARAM_INVALID);
	params = params_of(4);
	assert_int_not_equal(
		p11->C_EncryptInit(session, &oaep, find_key(session, CKO_PUBLIC_KEY, ID_P256)),
		CKR_OK);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

int semantics_oaep(void)
{
	static const struct CMUnitTest tests[] = {
		IN_SESSION(every_form_round_trips),
		IN_SESSION(whatever_is_wrong_has_one_error),
		IN_SESSION(lengths_are_told_without_ending_the_operation),
		IN_SESSION(parts_get_nothing_of_it),
		IN_SESSION(wrong_parameters_are_refused),
	};

	return cmocka_run_group_tests_name("oaep", tests, NULL, NULL);
}
