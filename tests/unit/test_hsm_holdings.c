/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates of a token find each other, and what is alone is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "hsm_holdings.h"
#include "support/identity.h"

enum { FOUND_MAX = 8 };

struct fixture {
	struct hsm_holdings *holdings;
	EVP_PKEY *key;
	EVP_PKEY *other;
	X509 *cert; /* of key */
	size_t count;
	enum hsm_lack lacks[FOUND_MAX];
	X509 *certs[FOUND_MAX];
};

static EVP_PKEY *make_key(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

	assert_non_null(key);
	return key;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->holdings = calloc(1, sizeof(*fixture->holdings));
	assert_non_null(fixture->holdings);
	fixture->key = make_key();
	fixture->other = make_key();
	fixture->cert = identity_cert("root", fixture->key, NULL, NULL);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	hsm_holdings_free(fixture->holdings);
	EVP_PKEY_free(fixture->key);
	EVP_PKEY_free(fixture->other);
	X509_free(fixture->cert);
	free(fixture);
	return 0;
}

static void put_cert(struct fixture *fixture, X509 *cert, uint8_t id)
{
	struct hsm_certificate *held = &fixture->holdings->certs[fixture->holdings->cert_count++];

	assert_int_equal(X509_up_ref(cert), 1);
	held->cert = cert;
	held->id[0] = id;
	held->id_len = 1;
}

static void put_key(struct fixture *fixture, EVP_PKEY *key, uint8_t id)
{
	struct hsm_pair *pair = &fixture->holdings->pairs[fixture->holdings->pair_count++];

	assert_int_equal(EVP_PKEY_up_ref(key), 1);
	pair->key = key;
	pair->id[0] = id;
	pair->id_len = 1;
}

static void take(void *context, const struct hsm_found *found)
{
	struct fixture *fixture = context;

	assert_true(fixture->count < FOUND_MAX);
	fixture->lacks[fixture->count] = found->lack;
	fixture->certs[fixture->count++] = found->cert;
}

static void report(struct fixture *fixture)
{
	hsm_holdings_report(fixture->holdings, 3, take, fixture);
}

static void key_finds_its_certificate_whatever_its_id(void **state)
{
	struct fixture *fixture = *state;

	put_cert(fixture, fixture->cert, 9);
	put_key(fixture, fixture->key, 1);
	report(fixture);
	assert_int_equal(fixture->count, 1);
	assert_int_equal(fixture->lacks[0], HSM_LACKS_NOTHING);
	assert_ptr_equal(fixture->certs[0], fixture->cert);
}

static void newest_certificate_counts_and_the_old_one_is_no_news(void **state)
{
	struct fixture *fixture = *state;
	X509 *renewed = identity_cert("root", fixture->key, NULL, NULL);

	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(renewed), -60));
	put_cert(fixture, fixture->cert, 1);
	put_cert(fixture, renewed, 1);
	put_key(fixture, fixture->key, 1);
	report(fixture);
	assert_int_equal(fixture->count, 1);
	assert_ptr_equal(fixture->certs[0], renewed);
	X509_free(renewed);
}

static void certificate_of_another_key_is_told_with_the_lonely_key(void **state)
{
	struct fixture *fixture = *state;

	put_cert(fixture, fixture->cert, 1);
	put_key(fixture, fixture->other, 1);
	report(fixture);
	assert_int_equal(fixture->count, 2);
	assert_int_equal(fixture->lacks[0], HSM_LACKS_CERTIFICATE);
	assert_null(fixture->certs[0]);
	assert_int_equal(fixture->lacks[1], HSM_LACKS_MATCH);
	assert_ptr_equal(fixture->certs[1], fixture->cert);
}

static void certificate_without_its_key_is_told(void **state)
{
	struct fixture *fixture = *state;

	put_cert(fixture, fixture->cert, 1);
	report(fixture);
	assert_int_equal(fixture->count, 1);
	assert_int_equal(fixture->lacks[0], HSM_LACKS_KEY);
}

static void issuer_that_completes_a_chain_is_no_news(void **state)
{
	struct fixture *fixture = *state;
	X509 *below = identity_cert("below", fixture->other, fixture->cert, fixture->key);

	put_cert(fixture, fixture->cert, 1);
	put_cert(fixture, below, 2);
	put_key(fixture, fixture->other, 2);
	report(fixture);
	assert_int_equal(fixture->count, 1);
	assert_ptr_equal(fixture->certs[0], below);
	X509_free(below);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			key_finds_its_certificate_whatever_its_id, setup, teardown),
		cmocka_unit_test_setup_teardown(
			newest_certificate_counts_and_the_old_one_is_no_news, setup, teardown),
		cmocka_unit_test_setup_teardown(
			certificate_of_another_key_is_told_with_the_lonely_key, setup, teardown),
		cmocka_unit_test_setup_teardown(
			certificate_without_its_key_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(
			issuer_that_completes_a_chain_is_no_news, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
