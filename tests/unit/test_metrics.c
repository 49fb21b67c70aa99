/* SPDX-License-Identifier: Apache-2.0 */
/* Label values cannot end their line or themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "bytes.h"
#include "metrics.h"

static void values_are_escaped(void **unused)
{
	static const struct {
		const char *value;
		const char *quoted;
	} cases[] = {
		{ "", "\"\"" },
		{ "CN=Office CA,O=M\xC3\xBCller", "\"CN=Office CA,O=M\xC3\xBCller\"" },
		{ "a\"} 1\nb{c=\"", "\"a\\\"} 1\\nb{c=\\\"\"" },
		{ "back\\slash\\", "\"back\\\\slash\\\\\"" },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);

		assert_non_null(out);
		metrics_quote(out, cases[i].value);
		assert_int_equal(fclose(out), 0);
		assert_string_equal(text, cases[i].quoted);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
