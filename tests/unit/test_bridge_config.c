/* SPDX-License-Identifier: Apache-2.0 */
/* bridge.conf: defaults, values, and refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config.h"
#include "support/directory.h"

static CK_RV load(const char *text, struct config *config)
{
	struct directory directory;

	directory_make(&directory);
	CK_RV rv = config_load(directory_write(&directory, "bridge.conf", text), config);

	directory_remove(&directory);
	return rv;
}

static void empty_file_gives_the_defaults(void **unused)
{
	struct config config;

	(void)unused;
	CK_RV rv = load("", &config);

	assert_int_equal(rv, CKR_OK);
	assert_string_equal(config.platform, "https://pkiaas.io");
	assert_string_equal(config.pubnub_origin, "https://ps.pndsn.com");
	assert_int_equal(config.workers, 4);
	assert_int_equal(config.signing_window_s, 3600);
	assert_int_equal(config.probe_s, 30);
	assert_null(config.metrics);
	assert_null(config.tls_ca);
	config_reset(&config);
}

static void values_are_taken(void **unused)
{
	struct config config;

	(void)unused;
	CK_RV rv = load(
		"platform = \"https://localhost:8443\"\nplatform_ca = \"/a.pem\"\nworkers = 2\n"
		"metrics = \"127.0.0.1:9100\"\nprobe = 5\n"
		"token \"0123\" { pin_file = \"/pin\" }\n",
		&config);

	assert_int_equal(rv, CKR_OK);
	assert_string_equal(config.platform, "https://localhost:8443");
	assert_string_equal(config.platform_ca, "/a.pem");
	assert_string_equal(config.metrics, "127.0.0.1:9100");
	assert_int_equal(config.probe_s, 5);
	assert_string_equal(config_pin_file(&config, "0123"), "/pin");
	assert_null(config_pin_file(&config, "0124"));
	config_reset(&config);
}

static void refused_texts_are_errors(void **unused)
{
	static const char *const texts[] = {
		"colour = \"blue\"\n",
		"workers = 0\n",
		"workers = 65\n",
		"signing_window = 5\n",
		"rescan = -1\n",
		"probe = 0\n",
		"probe = 31\n",
		"metrics = \"0.0.0.0:9100\"\n",
		"metrics = \"localhost:9100\"\n",
		"metrics = \"/run/metrics.sock\"\n",
		"platform = \"http://pkiaas.io\"\n",
		"platform = \"https://pkiaas.io/path\"\n",
		"platform = \"https://user@pkiaas.io\"\n",
		"platform = \"https://\"\n",
		"pubnub_origin = \"ps.pndsn.com\"\n",
		"platform = \"https://other.example\"\n",
		"token \"1\" { }\n",
		"token \"1\" { pin_file = \"/a\" }\ntoken \"1\" { pin_file = \"/b\" }\n",
		"workers = \n",
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config config;
		CK_RV rv = load(texts[i], &config);

		if (rv != CKR_ARGUMENTS_BAD)
			fail_msg("accepted: %s", texts[i]);
		config_reset(&config);
	}
}

static void missing_file_is_an_error(void **unused)
{
	struct config config;

	(void)unused;
	CK_RV rv = config_load("/nonexistent/bridge.conf", &config);

	assert_int_equal(rv, CKR_ARGUMENTS_BAD);
	config_reset(&config);
}

static void order_of_names_is_one_of_two_words(void **unused)
{
	struct config config;

	(void)unused;
	assert_int_equal(load("", &config), CKR_OK);
	assert_false(config.subject_order);
	config_reset(&config);
	assert_int_equal(load("name_order = subject\n", &config), CKR_OK);
	assert_true(config.subject_order);
	config_reset(&config);
	assert_int_equal(load("name_order = object\n", &config), CKR_ARGUMENTS_BAD);
	config_reset(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_file_gives_the_defaults),
		cmocka_unit_test(values_are_taken),
		cmocka_unit_test(refused_texts_are_errors),
		cmocka_unit_test(missing_file_is_an_error),
		cmocka_unit_test(order_of_names_is_one_of_two_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
