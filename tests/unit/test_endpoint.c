/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses the bridge listens at, and which it never does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "endpoint.h"

static void addresses_of_this_machine_are_taken(void **unused)
{
	static const struct {
		const char *text;
		sa_family_t family;
	} good[] = {
		{ "unix:/run/metrics.sock", AF_UNIX },
		{ "127.0.0.1:9100", AF_INET },
		{ "127.1.2.3:65535", AF_INET },
		{ "[::1]:9100", AF_INET6 },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct endpoint endpoint;

		assert_true(endpoint_parse(good[i].text, &endpoint));
		assert_int_equal(endpoint.address.ss_family, good[i].family);
	}
}

static void every_other_address_is_refused(void **unused)
{
	static const char *const bad[] = { "", ":", "9100", ":9100", "0.0.0.0:9100", "*:9100",
		"192.0.2.1:9100", "[::]:9100", "[::ffff:127.0.0.1]:9100", "::1:9100",
		"localhost:9100", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
		"127.0.0.1:99999999999999999999", "127.0.0.1:91x", "127.0.0.1: 91", "127.1:9100",
		"unix:", "unix:relative", "/run/metrics.sock",
		"unix:/"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct endpoint endpoint;

		if (endpoint_parse(bad[i], &endpoint))
			fail_msg("taken: %s", bad[i]);
	}
}

/* The lowest port that is free is asked of the kernel, so the address is filled in by hand. */
static void loopback_port_is_listened_at(void **unused)
{
	struct endpoint endpoint;
	struct sockaddr_in bound;
	socklen_t len = sizeof(bound);

	(void)unused;
	assert_true(endpoint_parse("127.0.0.1:1", &endpoint));
	((struct sockaddr_in *)&endpoint.address)->sin_port = 0;
	int fd = endpoint_listen(&endpoint, 1);

	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
	assert_int_equal(ntohl(bound.sin_addr.s_addr), INADDR_LOOPBACK);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_this_machine_are_taken),
		cmocka_unit_test(every_other_address_is_refused),
		cmocka_unit_test(loopback_port_is_listened_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
