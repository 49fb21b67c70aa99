/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "certificate.h"
#include "cleanup.h"
#include "cli_import.h"

static CK_RV give_password(void *context, char *buffer, size_t max, size_t *len)
{
	*len = strlen(context);
	assert_true(*len <= max);
	memcpy(buffer, context, *len);
	return CKR_OK;
}

static CK_RV refuse_password(void *context, char *buffer, size_t max, size_t *len)
{
	(void)context;
	(void)buffer;
	(void)max;
	(void)len;
	return CKR_PIN_LEN_RANGE;
}

static EVP_PKEY *key_make(const char *type, const char *curve)
{
	if (strcmp(type, "EC") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, type, curve);
	if (strcmp(type, "RSA") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, type, (size_t)2048);
	return EVP_PKEY_Q_keygen(NULL, NULL, type);
}

/* password NULL: not encrypted. */
static EVP_PKEY *parse_again(
	const EVP_PKEY *key, const char *password, struct cli_import_password *given)
{
	CLEANUP(bio) BIO *pem = BIO_new(BIO_s_mem());
	char *data = NULL;
	long len;

	assert_true(PEM_write_bio_PKCS8PrivateKey(pem, key, password ? EVP_aes_256_cbc() : NULL,
		password, password ? (int)strlen(password) : 0, NULL, NULL));
	len = BIO_get_mem_data(pem, &data);
	return cli_import_parse(bytes_of(data, (size_t)len), given);
}

static void encrypted_key_is_read_with_its_password(void **state)
{
	CLEANUP(pkey) EVP_PKEY *key = key_make("EC", "P-256");
	char word[] = "sesame";
	struct cli_import_password password = { .read = give_password, .context = word };
	CLEANUP(pkey) EVP_PKEY *back = parse_again(key, "sesame", &password);

	(void)state;
	assert_non_null(back);
	assert_true(password.asked);
	assert_int_equal(EVP_PKEY_eq(key, back), 1);
}

static void wrong_password_gives_no_key(void **state)
{
	CLEANUP(pkey) EVP_PKEY *key = key_make("EC", "P-256");
	char word[] = "other";
	struct cli_import_password password = { .read = give_password, .context = word };

	(void)state;
	assert_null(parse_again(key, "sesame", &password));
	assert_true(password.asked);
	assert_int_equal(password.rv, CKR_OK);
}

static void password_that_cannot_be_read_is_told_apart(void **state)
{
	CLEANUP(pkey) EVP_PKEY *key = key_make("EC", "P-256");
	struct cli_import_password password = { .read = refuse_password };

	(void)state;
	assert_null(parse_again(key, "sesame", &password));
	assert_int_equal(password.rv, CKR_PIN_LEN_RANGE);
}

static void plain_key_needs_no_password(void **state)
{
	CLEANUP(pkey) EVP_PKEY *key = key_make("ED25519", NULL);
	struct cli_import_password password = { .read = refuse_password };
	CLEANUP(pkey) EVP_PKEY *back = parse_again(key, NULL, &password);

	(void)state;
	assert_non_null(back);
	assert_false(password.asked);
}

static void public_template_is_the_public_key(void **state)
{
	static const char *const types[][2] = { { "RSA", NULL }, { "EC", "P-256" },
		{ "EC", "P-384" }, { "EC", "P-521" }, { "ED25519", NULL } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		CLEANUP(pkey) EVP_PKEY *key = key_make(types[i][0], types[i][1]);
		CLEANUP(import) struct cli_import import = { 0 };
		CLEANUP(pkey) EVP_PKEY *back = NULL;

		assert_true(cli_import_fill(&import, key));
		back = certificate_public_key(
			NULL, import.public_key.list, import.public_key.count);
		assert_non_null(back);
		assert_int_equal(EVP_PKEY_eq(key, back), 1);
	}
}

static void other_curves_are_refused(void **state)
{
	CLEANUP(pkey) EVP_PKEY *key = key_make("EC", "secp256k1");
	CLEANUP(import) struct cli_import import = { 0 };

	(void)state;
	assert_false(cli_import_fill(&import, key));
}

static void wiped_import_holds_nothing(void **state)
{
	static const struct cli_import empty;
	CLEANUP(pkey) EVP_PKEY *key = key_make("ED25519", NULL);
	struct cli_import import = { 0 };

	(void)state;
	assert_true(cli_import_fill(&import, key));
	cli_import_wipe(&import);

	assert_memory_equal(&import, &empty, sizeof(import));
}

static void garbage_is_no_key(void **state)
{
	struct cli_import_password password = { .read = refuse_password };

	(void)state;
	assert_null(cli_import_parse(bytes_of_text("no key at all"), &password));
	assert_null(cli_import_parse(bytes_of_text(""), &password));
	assert_false(password.asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encrypted_key_is_read_with_its_password),
		cmocka_unit_test(wrong_password_gives_no_key),
		cmocka_unit_test(password_that_cannot_be_read_is_told_apart),
		cmocka_unit_test(plain_key_needs_no_password),
		cmocka_unit_test(public_template_is_the_public_key),
		cmocka_unit_test(other_curves_are_refused),
		cmocka_unit_test(wiped_import_holds_nothing),
		cmocka_unit_test(garbage_is_no_key),
	};

	return cmocka_run_group_tests_name("cli_import", tests, NULL, NULL);
}
