/* SPDX-License-Identifier: Apache-2.0 */
/* The stand-in's identity is made once, kept with tight modes, and is the same when it is read
 * again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "cleanup.h"
#include "identity.h"
#include "support/directory.h"

static void identity_read_again_is_the_one_that_was_made(void **state)
{
	struct directory directory;
	struct identity made, read;

	(void)state;
	directory_make(&directory);
	assert_false(identity_load(&read, directory.path));
	assert_true(identity_make(&made, directory.path));
	assert_true(identity_load(&read, directory.path));
	assert_int_equal(X509_cmp(made.signer, read.signer), 0);
	assert_int_equal(X509_cmp(made.tls_ca, read.tls_ca), 0);
	assert_int_equal(EVP_PKEY_eq(made.signer_key, read.signer_key), 1);
	assert_string_equal(made.publish_key, read.publish_key);
	assert_string_equal(made.subscribe_key, read.subscribe_key);
	identity_reset(&made);
	identity_reset(&read);
	directory_remove(&directory);
}

static void files_with_keys_are_for_the_owner_only(void **state)
{
	static const char *const names[] = { "signer.pem", "tls.pem", "pubnub.json" };
	struct directory directory;
	struct identity identity;
	char path[128];
	struct stat status;

	(void)state;
	directory_make(&directory);
	assert_true(identity_make(&identity, directory.path));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", directory.path, names[i]);
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_mode & 0777, 0600);
	}
	identity_reset(&identity);
	directory_remove(&directory);
}

static void certificates_chain_to_their_anchors(void **state)
{
	struct directory directory;
	struct identity identity;

	(void)state;
	directory_make(&directory);
	assert_true(identity_make(&identity, directory.path));
	assert_int_equal(X509_verify(identity.signer, X509_get0_pubkey(identity.anchor)), 1);
	assert_int_equal(X509_verify(identity.tls_cert, X509_get0_pubkey(identity.tls_ca)), 1);
	assert_int_equal(X509_check_purpose(identity.signer, X509_PURPOSE_SMIME_ENCRYPT, 0), 1);
	assert_int_equal(X509_check_ip_asc(identity.tls_cert, "127.0.0.1", 0), 1);
	identity_reset(&identity);
	directory_remove(&directory);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_read_again_is_the_one_that_was_made),
		cmocka_unit_test(files_with_keys_are_for_the_owner_only),
		cmocka_unit_test(certificates_chain_to_their_anchors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
