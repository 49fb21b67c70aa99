/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervise.h"
#include "takeover.h"
#include "uplink.h"

static char name[] = "only", nothing[] = "";
static struct settings_backend configured = { .name = name, .module = nothing, .watch = nothing };
static struct settings settings = { .backends = &configured, .backend_count = 1 };
static struct front front;
static struct backend *backend;
static int first, second; /* the hosts' ends of their links */

/* Processes that are neither killed nor awaited: there are none. */
static struct process process_with(int *end)
{
	int ends[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	*end = ends[1];
	return (struct process){ .link = ends[0] };
}

static void say(int end, enum link_type type, const char *serial)
{
	struct link_message message = { .type = type,
		.slot_info.flags = CKF_TOKEN_PRESENT,
		.mechanisms.count = LINK_MECHANISMS_ALL };

	(void)snprintf(message.serial, sizeof(message.serial), "%s", serial);
	(void)memset(message.client, 0xC1, sizeof(message.client));
	assert_true(link_send(end, &message, -1));
}

/* The last message that a host got; LINK_CONFIG for none. */
static enum link_type last_heard(int end)
{
	struct link_message message = { .type = LINK_CONFIG };
	enum link_type last = LINK_CONFIG;
	int fd;

	while (link_receive(end, &message, &fd))
		last = message.type;
	return last;
}

static int start(void **state)
{
	(void)state;
	front = (struct front){ .settings = &settings, .backend_count = 1 };
	backend = &front.backends[0];
	backend->settings = &configured;
	backend->state = BACKEND_READY;
	backend->host = process_with(&first);
	backend->host.pid = -1;
	backend->second = process_with(&second);
	backend->second.pid = -2;
	backend->role = SECOND_STARTING;
	backend->restart_wanted = true;
	assert_int_equal(slot_add_backend(&front.slots, "only"), CKR_OK);
	assert_int_equal(ticket_box_init(&front.tickets), CKR_OK);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	process_close(&backend->host);
	process_close(&backend->second);
	(void)close(first);
	(void)close(second);
	slot_table_reset(&front.slots);
	ticket_box_reset(&front.tickets);
	return 0;
}

static void list(int end, const char *serial)
{
	say(end, LINK_TOKEN, serial);
	say(end, LINK_TOKENS_END, "");
	uplink_drain(&front, 0);
}

static void second_host_that_has_listed_its_tokens_takes_over(void **state)
{
	(void)state;
	list(second, "new");

	assert_int_equal(backend->host.pid, -2);
	assert_int_equal(backend->role, SECOND_LEAVING);
	assert_int_equal(last_heard(first), LINK_LEAVE);
	assert_non_null(slot_find_serial(&front.slots, 0, "new"));
	assert_false(backend->restart_wanted);
}

static void nobody_is_handed_over_until_the_old_host_said_who_stays(void **state)
{
	(void)state;
	list(second, "new");
	assert_true(backend->parting);

	say(first, LINK_STAYS_END, "");
	uplink_drain(&front, 0);

	assert_false(backend->parting);
}

static void parting_ends_by_itself(void **state)
{
	(void)state;
	list(second, "new");
	takeover_tick(&front, 0, wire_now_ms() + TAKEOVER_PARTING_MS + 1);

	assert_false(backend->parting);
	assert_int_equal(backend->role, SECOND_LEAVING);
}

static void client_with_work_stays_with_the_old_host_until_it_moves(void **state)
{
	uint8_t client[WIRE_CLIENT_ID_LEN], other[WIRE_CLIENT_ID_LEN] = { 0 };

	(void)state;
	(void)memset(client, 0xC1, sizeof(client));
	list(second, "new");
	say(first, LINK_STAY, "old");
	uplink_drain(&front, 0);
	assert_ptr_equal(takeover_host_of(backend, client, "old"), &backend->second);
	assert_ptr_equal(takeover_host_of(backend, client, "new"), &backend->host);
	assert_ptr_equal(takeover_host_of(backend, other, "old"), &backend->host);

	say(first, LINK_MOVED, "old");
	uplink_drain(&front, 0);

	assert_ptr_equal(takeover_host_of(backend, client, "old"), &backend->host);
}

static void old_host_lists_no_tokens_any_more(void **state)
{
	(void)state;
	list(second, "new");
	list(first, "old");

	assert_null(slot_find_serial(&front.slots, 0, "old"));
}

static void first_host_that_lists_ends_a_second_one_that_looked_too_early(void **state)
{
	(void)state;
	say(second, LINK_TOKEN, "early");
	uplink_drain(&front, 0);
	list(first, "own");

	assert_int_equal(backend->host.pid, -1);
	assert_int_equal(backend->role, SECOND_ENDING);
	assert_null(slot_find_serial(&front.slots, 0, "early"));
	assert_non_null(slot_find_serial(&front.slots, 0, "own"));
	assert_true(backend->restart_wanted);
}

static void second_host_takes_the_place_of_a_first_one_that_died(void **state)
{
	(void)state;
	say(second, LINK_TOKEN, "one");
	uplink_drain(&front, 0);
	supervise_end(&front, 0, NULL);
	assert_true(takeover_promote(&front, 0));
	say(second, LINK_TOKENS_END, "");
	uplink_drain(&front, 0);

	assert_int_equal(backend->host.pid, -2);
	assert_int_equal(backend->state, BACKEND_READY);
	assert_int_equal(backend->role, SECOND_NONE);
	assert_non_null(slot_find_serial(&front.slots, 0, "one"));
}

static void second_host_that_dies_leaves_the_first_one_alone(void **state)
{
	(void)state;
	takeover_reaped(&front, 0, 1 << 8);

	assert_int_equal(backend->host.pid, -1);
	assert_int_equal(backend->state, BACKEND_READY);
	assert_int_equal(backend->role, SECOND_NONE);
	assert_true(takeover_due_ms(&front, 0) > wire_now_ms());
	assert_true(takeover_due_ms(&front, 0) != INT64_MAX);
}

static void second_hosts_that_die_again_and_again_are_given_up(void **state)
{
	(void)state;
	backend->second_failures = TAKEOVER_FAILURES_MAX - 1;
	takeover_reaped(&front, 0, 1 << 8);

	assert_false(backend->restart_wanted);
	assert_int_equal(takeover_due_ms(&front, 0), INT64_MAX);
}

static void old_host_that_does_not_end_is_ended(void **state)
{
	(void)state;
	list(second, "new");
	backend->parting = false;
	takeover_tick(&front, 0, wire_now_ms() + TAKEOVER_LEAVE_MS + 1);

	assert_int_equal(backend->role, SECOND_ENDING);
	assert_int_equal(backend->second.link, -1);
}

#define TAKEOVER_TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TAKEOVER_TEST(second_host_that_has_listed_its_tokens_takes_over),
		TAKEOVER_TEST(nobody_is_handed_over_until_the_old_host_said_who_stays),
		TAKEOVER_TEST(parting_ends_by_itself),
		TAKEOVER_TEST(client_with_work_stays_with_the_old_host_until_it_moves),
		TAKEOVER_TEST(old_host_lists_no_tokens_any_more),
		TAKEOVER_TEST(first_host_that_lists_ends_a_second_one_that_looked_too_early),
		TAKEOVER_TEST(second_host_takes_the_place_of_a_first_one_that_died),
		TAKEOVER_TEST(second_host_that_dies_leaves_the_first_one_alone),
		TAKEOVER_TEST(second_hosts_that_die_again_and_again_are_given_up),
		TAKEOVER_TEST(old_host_that_does_not_end_is_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
