/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ticket_box.h"

static struct ticket_box box;

static int make(void **state)
{
	(void)state;
	return ticket_box_init(&box) == CKR_OK ? 0 : -1;
}

static int drop(void **state)
{
	(void)state;
	ticket_box_reset(&box);
	return 0;
}

static struct link_message ticket(uint8_t client, const char *serial, const char *pin)
{
	struct link_message message = { .type = LINK_TICKET, .uid = 5, .user = CKU_USER };

	memset(message.client, client, sizeof(message.client));
	memset(message.ticket, 0xee, sizeof(message.ticket));
	(void)strcpy(message.serial, serial);
	assert_true(secret_set(&message.secret, bytes_of_text(pin)));
	return message;
}

static size_t count(size_t backend)
{
	struct link_message message;
	size_t position = 0;
	size_t found = 0;

	while (ticket_box_next(&box, backend, &position, &message))
		found++;
	return found;
}

static void keep(size_t backend, uint8_t client, const char *serial)
{
	const struct link_message message = ticket(client, serial, "1234");

	assert_true(ticket_box_keep(&box, backend, &message));
}

static void ticket_comes_back_as_it_was_given(void **state)
{
	const struct link_message given = ticket(1, "a", "1234");
	struct link_message back;
	size_t position = 0;
	(void)state;
	assert_true(ticket_box_keep(&box, 3, &given));

	assert_true(ticket_box_next(&box, 3, &position, &back));

	assert_memory_equal(&back, &given, sizeof(given));
	assert_false(ticket_box_next(&box, 3, &position, &back));
	assert_int_equal(count(2), 0);
}

static void second_login_replaces_the_first(void **state)
{
	const struct link_message again = ticket(1, "a", "changed");
	struct link_message back;
	size_t position = 0;
	(void)state;
	keep(0, 1, "a");

	assert_true(ticket_box_keep(&box, 0, &again));

	assert_int_equal(count(0), 1);
	assert_true(ticket_box_next(&box, 0, &position, &back));
	assert_true(secret_equal(&back.secret, bytes_of_text("changed")));
}

static void voiding_is_for_one_client_or_for_all(void **state)
{
	uint8_t one[WIRE_CLIENT_ID_LEN];
	static const uint8_t all[WIRE_CLIENT_ID_LEN];
	(void)state;
	memset(one, 1, sizeof(one));
	keep(0, 1, "a");
	keep(0, 2, "a");
	keep(0, 3, "a");
	keep(0, 3, "b");
	keep(1, 3, "a");

	ticket_box_void(&box, 0, one, "a");
	assert_int_equal(count(0), 3);
	ticket_box_void(&box, 0, all, "a");

	assert_int_equal(count(0), 1);
	assert_int_equal(count(1), 1);
}

static void client_that_ended_leaves_no_ticket_and_no_pin(void **state)
{
	uint8_t one[WIRE_CLIENT_ID_LEN];
	static const struct ticket_entry nothing;
	(void)state;
	memset(one, 1, sizeof(one));
	keep(0, 1, "a");
	keep(1, 1, "b");

	ticket_box_forget_client(&box, one);

	assert_int_equal(count(0) + count(1), 0);
	assert_memory_equal(&box.entries[0], &nothing, sizeof(nothing));
}

static void full_box_refuses(void **state)
{
	struct link_message message = ticket(0, "a", "1234");
	(void)state;
	for (uint32_t i = 0; i < TICKET_BOX_MAX; i++) {
		memcpy(message.client, &i, sizeof(i));
		assert_true(ticket_box_keep(&box, 0, &message));
	}

	memset(message.client, 0xff, sizeof(message.client));
	assert_false(ticket_box_keep(&box, 0, &message));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ticket_comes_back_as_it_was_given, make, drop),
		cmocka_unit_test_setup_teardown(second_login_replaces_the_first, make, drop),
		cmocka_unit_test_setup_teardown(voiding_is_for_one_client_or_for_all, make, drop),
		cmocka_unit_test_setup_teardown(
			client_that_ended_leaves_no_ticket_and_no_pin, make, drop),
		cmocka_unit_test_setup_teardown(full_box_refuses, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
