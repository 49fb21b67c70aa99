/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "certificate.h"
#include "cleanup.h"
#include "cli_anchor.h"
#include "file.h"

#define TEST_FINGERPRINT                                                                           \
	"F4:D5:94:A2:67:6E:D2:85:0D:73:58:85:D3:EF:18:74:"                                         \
	"57:F6:1C:47:13:01:1B:24:54:AA:86:FC:13:E0:86:61"

static X509 *read_certificate(void)
{
	size_t len = 0;
	CLEANUP(free)
	char *text =
		file_read(TEST_DATA "/vectors/keys/platform_ca.pem", CERTIFICATE_INPUT_MAX, &len);

	assert_non_null(text);
	return certificate_parse(NULL, bytes_of(text, len));
}

static void fingerprint_is_that_of_openssl(void **state)
{
	CLEANUP(x509) X509 *cert = read_certificate();
	char text[CLI_ANCHOR_TEXT_MAX];

	assert_true(cli_anchor_fingerprint(cert, text));

	assert_string_equal(text, TEST_FINGERPRINT);
	(void)state;
}

static void certificate_is_found_by_its_fingerprint_only(void **state)
{
	static const struct cli_anchor list[] = {
		{ "one.example", "00" TEST_FINGERPRINT },
		{ "two.example", TEST_FINGERPRINT },
	};
	CLEANUP(x509) X509 *cert = read_certificate();

	assert_ptr_equal(cli_anchor_find(cert, list, 2), &list[1]);
	assert_null(cli_anchor_find(cert, list, 1));
	(void)state;
}

static void certificate_of_a_test_is_no_known_anchor(void **state)
{
	CLEANUP(x509) X509 *cert = read_certificate();
	size_t count;
	const struct cli_anchor *known = cli_anchor_known(&count);

	assert_null(cli_anchor_find(cert, known, count));
	assert_string_equal(known[0].platform, "pkiaas.io");
	for (size_t i = 0; i < count; i++)
		assert_int_equal(strlen(known[i].sha256), strlen(TEST_FINGERPRINT));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fingerprint_is_that_of_openssl),
		cmocka_unit_test(certificate_is_found_by_its_fingerprint_only),
		cmocka_unit_test(certificate_of_a_test_is_no_known_anchor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
