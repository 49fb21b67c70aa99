/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "migrate_kms.h"

#define RING "projects/demo-project/locations/europe-west3/keyRings/ring_1"

static struct migrate_rings rings;

static bool parse(const char *text)
{
	const char *reason = NULL;
	bool done = migrate_kms_parse(bytes_of_text(text), &rings, &reason);

	if (!done)
		assert_non_null(reason);
	return done;
}

static void every_way_to_write_it_gives_the_ring(void **state)
{
	static const char *const texts[] = {
		"tokens:\n  - key_ring: " RING "\n",
		"---\ntokens:\n- key_ring: \"" RING "\"\n",
		"tokens: [ {key_ring: " RING "} ]\n",
		"{\"tokens\": [{\"key_ring\": \"" RING "\"}]}",
		"# a comment\nlog_directory: /tmp\ntokens:\n  - label: x\n    key_ring: '" RING
		"'\n    certs: []\nrefresh_interval_secs: 60\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_true(parse(texts[i]));
		assert_int_equal(rings.count, 1);
		assert_string_equal(rings.names[0], RING);
	}
	(void)state;
}

static void several_rings_keep_their_order(void **state)
{
	assert_true(parse("tokens:\n - key_ring: " RING "\n - key_ring: " RING "2\n"));

	assert_int_equal(rings.count, 2);
	assert_string_equal(rings.names[1], RING "2");
	(void)state;
}

static void other_texts_are_refused(void **state)
{
	static const char *const texts[] = { "", "tokens", "tokens: 7", "tokens: {}", "[]",
		"tokens: [ 7 ]", "tokens: [ {label: x} ]", "tokens: [ {key_ring: [x]} ]",
		"tokens: [ {key_ring: projects/p/locations/l/keyRings/} ]",
		"tokens: [ {key_ring: \"" RING "\\\"\\n}\"} ]", "tokens: [ {key_ring: /" RING "} ]",
		"tokens: [ {key_ring: " RING "/cryptoKeys/x} ]", "tokens: [ {key_ring: " RING,
		"tokens: [ *a ]" };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_false(parse(texts[i]));
	(void)state;
}

static void too_many_rings_are_refused(void **state)
{
	char text[(MIGRATE_RINGS_MAX + 1) * 96] = "tokens:\n";

	for (size_t i = 0; i < MIGRATE_RINGS_MAX; i++)
		(void)strcat(text, "- key_ring: " RING "\n");
	assert_true(parse(text));
	(void)strcat(text, "- key_ring: " RING "\n");

	assert_false(parse(text));
	(void)state;
}

static void name_that_is_too_long_is_refused(void **state)
{
	char name[512];

	(void)snprintf(name, sizeof(name), "projects/%0*d/locations/l/keyRings/r", 300, 1);

	assert_false(migrate_kms_is_ring(bytes_of_text(name)));
	assert_true(migrate_kms_is_ring(bytes_of_text(RING)));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_to_write_it_gives_the_ring),
		cmocka_unit_test(several_rings_keep_their_order),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(too_many_rings_are_refused),
		cmocka_unit_test(name_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
