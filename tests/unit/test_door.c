/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <iothsm/iothsm.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/agent_process.h"

static struct agent_process agent;
static struct test_client client;
static CK_SLOT_ID slots[16];
static int connection = -1;

/* What a fake host tells of itself. */
struct known {
	CK_ULONG pins, tickets, guards, gone, pid;
};

static int start_with(const char *more)
{
	agent_start(&agent, more);
	client_open(&client, &agent);
	return 0;
}

static int start(void **state)
{
	(void)state;
	return start_with("");
}

static int stop(void **state)
{
	(void)state;
	(void)close(client.control);
	if (connection >= 0)
		(void)close(connection);
	connection = -1;
	(void)agent_stop(&agent);
	agent_remove(&agent);
	return 0;
}

static struct answer call(int fd, Function function)
{
	const Call plain = { .function = function };

	return agent_call(fd, &plain);
}

static struct answer call_with(int fd, Function function, const char *text)
{
	const Call loaded = { .function = function, .data = bytes_of_text(text) };

	return agent_call(fd, &loaded);
}

/* Opens the connection to the first token. */
static void join(void)
{
	assert_true(client_slots(&client, true, slots) >= 3);
	if (connection >= 0)
		(void)close(connection);
	assert_int_equal(client_connect(&client, slots[0], &connection).rv, CKR_OK);
}

static struct known ask(void)
{
	struct answer answer = call(connection, Function_C_GetTokenInfo);
	struct known known;

	assert_int_equal(answer.result, WIRE_DONE);
	assert_int_equal(answer.len, sizeof(known));
	memcpy(&known, answer.data, sizeof(known));
	return known;
}

static void crash_host(void)
{
	assert_int_not_equal(call(connection, Function_C_DestroyObject).result, WIRE_DONE);
}

static void tokens_are_listed_as_soon_as_the_host_knows_them(void **state)
{
	(void)state;

	assert_int_equal(client_slots(&client, true, slots), 3);

	assert_true(slots[0] > 0 && slots[0] < 0x80000000UL);
	assert_int_not_equal(slots[0], slots[1]);
}

static void slot_info_is_the_backends(void **state)
{
	Call info = { .function = Function_C_GetSlotInfo };
	CK_SLOT_INFO slot_info;
	(void)state;
	assert_int_equal(client_slots(&client, false, slots), 3);

	info.handle = slots[0];
	struct answer answer = agent_call(client.control, &info);
	assert_int_equal(answer.len, sizeof(slot_info));
	memcpy(&slot_info, answer.data, sizeof(slot_info));
	info.handle = 4711;

	assert_true(slot_info.flags & CKF_TOKEN_PRESENT);
	assert_int_equal(agent_call(client.control, &info).rv, CKR_SLOT_ID_INVALID);
}

static void connection_reaches_the_host_with_rights_and_serial(void **state)
{
	(void)state;

	join();

	assert_int_equal(call(connection, Function_C_GetTokenInfo).number,
		IOTHSM_RIGHT_USE | IOTHSM_RIGHT_SIGN | IOTHSM_RIGHT_DECRYPT |
			IOTHSM_RIGHT_GENERATE | IOTHSM_RIGHT_DESTROY | IOTHSM_RIGHT_SO |
			IOTHSM_RIGHT_ADMIN);
	struct answer answer = call(connection, Function_C_GetSessionInfo);
	assert_memory_equal(answer.data, "0001", 4);
}

static void unknown_client_id_is_refused(void **state)
{
	struct test_client stranger = { .agent = &agent, .id = { 1 } };
	(void)state;
	assert_int_equal(client_slots(&client, false, slots), 3);

	assert_int_equal(client_connect(&stranger, slots[0], &connection).rv, CKR_GENERAL_ERROR);

	assert_int_not_equal(call(connection, Function_C_GetTokenInfo).result, WIRE_DONE);
}

static void unknown_slot_is_refused(void **state)
{
	(void)state;
	assert_int_equal(client_slots(&client, false, slots), 3);

	assert_int_equal(client_connect(&client, 4711, &connection).rv, CKR_SLOT_ID_INVALID);
}

static void another_version_is_refused(void **state)
{
	const Call hello = {
		.function = Function_HELLO, .number = WIRE_VERSION + 1, .data2 = wire_abi()
	};
	(void)state;
	connection = agent_connect(&agent);

	assert_int_equal(agent_call(connection, &hello).rv, CKR_DEVICE_ERROR);
}

static void newer_module_that_still_speaks_our_version_is_welcome(void **state)
{
	const Call hello = { .function = Function_HELLO,
		.number = WIRE_VERSION + 1,
		.object = WIRE_VERSION_OLDEST,
		.data2 = wire_abi() };
	(void)state;
	connection = agent_connect(&agent);

	assert_int_equal(agent_call(connection, &hello).rv, CKR_OK);
}

static void unknown_control_call_is_not_supported(void **state)
{
	(void)state;

	assert_int_equal(
		call(client.control, Function_C_GetSessionInfo).rv, CKR_FUNCTION_NOT_SUPPORTED);
}

static void garbage_loses_its_own_connection_only(void **state)
{
	static const char *const garbage[] = { "\xff\xff\xff\xff", "GET / HTTP/1.0\r\n\r\n",
		"\4\0\0\1abcd" };
	char byte;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		int fd = agent_connect(&agent);

		assert_true(write(fd, garbage[i], strlen(garbage[i])) > 0);
		assert_true(read(fd, &byte, 1) <= 0);
		(void)close(fd);
	}

	assert_int_equal(client_slots(&client, true, slots), 3);
}

static void restarted_host_gets_back_tickets_and_counts(void **state)
{
	(void)state;
	join();
	CK_ULONG former = ask().pid;
	assert_int_equal(call_with(connection, Function_C_Login, "1234").rv, CKR_OK);
	assert_int_equal(call(connection, Function_C_SetPIN).rv, CKR_OK);

	crash_host();
	join();

	struct known known = ask();
	assert_int_not_equal(known.pid, former);
	assert_int_equal(known.tickets, 1);
	assert_int_equal(known.guards, 1);
}

static void slot_ids_outlive_host_and_agent(void **state)
{
	CK_SLOT_ID later[16];
	(void)state;
	join();

	crash_host();
	assert_int_equal(client_slots(&client, true, later), 3);
	assert_memory_equal(later, slots, 3 * sizeof(slots[0]));
	assert_int_equal(agent_stop(&agent), 0);
	assert_true(agent_run(&agent));
	(void)close(client.control);
	client_open(&client, &agent);

	assert_int_equal(client_slots(&client, true, later), 3);
	assert_memory_equal(later, slots, 3 * sizeof(slots[0]));
}

static void ended_client_leaves_no_ticket(void **state)
{
	(void)state;
	join();
	assert_int_equal(call_with(connection, Function_C_Login, "1234").rv, CKR_OK);
	(void)close(client.control);
	client_open(&client, &agent);
	join();
	assert_int_equal(ask().gone, 1);

	crash_host();
	join();

	assert_int_equal(ask().tickets, 0);
}

static void voided_ticket_does_not_come_back(void **state)
{
	(void)state;
	join();
	assert_int_equal(call_with(connection, Function_C_Login, "1234").rv, CKR_OK);
	assert_int_equal(call(connection, Function_C_Logout).rv, CKR_OK);

	crash_host();
	join();

	assert_int_equal(ask().tickets, 0);
}

static void host_that_keeps_crashing_gets_no_ticket(void **state)
{
	(void)state;
	join();
	assert_int_equal(call_with(connection, Function_C_Login, "1234").rv, CKR_OK);

	crash_host();
	join();
	crash_host();
	join();

	assert_int_equal(ask().tickets, 0);
	assert_int_equal(ask().guards, 0);
}

static void host_killed_from_outside_keeps_its_trust(void **state)
{
	(void)state;
	join();
	assert_int_equal(call_with(connection, Function_C_Login, "1234").rv, CKR_OK);

	for (int i = 0; i < 3; i++) {
		assert_int_equal(kill((pid_t)ask().pid, SIGKILL), 0);
		assert_true(agent_says(&agent, "a token host ended"));
		join();
	}

	assert_int_equal(ask().tickets, 1);
}

static void host_that_wants_a_restart_gets_it(void **state)
{
	(void)state;
	join();
	CK_ULONG former = ask().pid;

	assert_int_not_equal(call(connection, Function_ADMIN_DELETE_TOKEN).result, WIRE_DONE);
	join();

	assert_int_not_equal(ask().pid, former);
}

static void host_that_asks_for_another_one_goes_on_until_that_takes_over(void **state)
{
	(void)state;
	join();
	CK_ULONG former = ask().pid;

	assert_int_equal(call(connection, Function_ADMIN_CLEAR_GUARD).rv, CKR_OK);
	assert_true(agent_says(&agent, "the second token host ended"));
	join();

	assert_int_not_equal(ask().pid, former);
	assert_int_equal(kill((pid_t)former, 0), -1);
}

static void host_that_talks_garbage_is_replaced(void **state)
{
	(void)state;
	join();
	CK_ULONG former = ask().pid;

	(void)call(connection, Function_C_SeedRandom);
	assert_true(agent_says(&agent, "malformed"));
	join();

	assert_int_not_equal(ask().pid, former);
}

static void kept_pin_reaches_every_incarnation(void **state)
{
	(void)state;
	join();

	assert_int_equal(call_with(connection, Function_ADMIN_KEEP_PIN, "1234").rv, CKR_OK);
	assert_true(agent_says(&agent, "a PIN is kept"));
	assert_int_equal(ask().pins, 1);
	crash_host();
	join();

	assert_int_equal(ask().pins, 1);
	assert_true(call(connection, Function_C_GetTokenInfo).number & IOTHSM_RIGHT_KEPT_PIN);
	assert_int_equal(call(connection, Function_ADMIN_FORGET_PIN).rv, CKR_OK);
	join();
	assert_int_equal(ask().pins, 0);
	assert_false(call(connection, Function_C_GetTokenInfo).number & IOTHSM_RIGHT_KEPT_PIN);
}

static void initialised_token_keeps_the_slot_id_for_its_client(void **state)
{
	CK_SLOT_ID later[16];
	(void)state;
	join();
	(void)close(connection);
	CK_SLOT_ID blank = slots[2];
	assert_int_equal(client_connect(&client, blank, &connection).rv, CKR_OK);

	assert_int_equal(call(connection, Function_C_InitToken).rv, CKR_OK);
	size_t count = client_slots(&client, true, later);
	(void)close(connection);
	assert_int_equal(client_connect(&client, blank, &connection).rv, CKR_OK);

	struct answer answer = call(connection, Function_C_GetSessionInfo);
	assert_int_equal(answer.len, 3);
	assert_memory_equal(answer.data, "new", 3);
	/* The blank token that is left has another id now: no second C_InitToken hits the new one.
	 */
	assert_int_equal(count, 4);
	assert_int_not_equal(later[3], blank);
	(void)close(connection);
	assert_int_equal(client_connect(&client, later[3], &connection).rv, CKR_OK);
	assert_int_equal(call(connection, Function_C_GetSessionInfo).len, 0);
}

static void another_client_sees_the_blank_slot_where_it_was(void **state)
{
	struct test_client other;
	CK_SLOT_ID seen[16];
	(void)state;
	join();
	(void)close(connection);
	assert_int_equal(client_connect(&client, slots[2], &connection).rv, CKR_OK);
	assert_int_equal(call(connection, Function_C_InitToken).rv, CKR_OK);

	client_open(&other, &agent);
	size_t count = client_slots(&other, true, seen);

	assert_int_equal(count, 4);
	assert_int_equal(seen[3], slots[2]);
	(void)close(other.control);
}

static void status_tells_all(void **state)
{
	(void)state;
	join();

	struct answer answer = call(client.control, Function_ADMIN_STATUS);
	json_t *status = json_loadb((const char *)answer.data, answer.len, 0, NULL);

	assert_non_null(status);
	json_t *backend = json_array_get(json_object_get(status, "backends"), 0);
	json_t *token = json_array_get(json_object_get(status, "tokens"), 0);
	assert_string_equal(json_string_value(json_object_get(backend, "state")), "ready");
	assert_string_equal(json_string_value(json_object_get(token, "serial")), "0001");
	assert_string_equal(json_string_value(json_object_get(token, "label")), "label 0001");
	assert_int_equal(json_integer_value(json_object_get(token, "slot")), slots[0]);
	assert_true(json_is_false(json_object_get(token, "kept_pin")));
	assert_int_equal(json_array_size(json_object_get(status, "clients")), 1);
	json_decref(status);
}

static void rescan_waits_for_the_new_list(void **state)
{
	(void)state;
	join();

	assert_int_equal(call(client.control, Function_ADMIN_RESCAN).rv, CKR_OK);
}

static int start_with_hidden_token(void **state)
{
	(void)state;
	return start_with("rights \"none\" { tokens = {\"0002\"} allow = {} }\n"
			  "rights \"plain\" { allow = {use} }\n");
}

static void token_without_rights_is_invisible(void **state)
{
	CK_SLOT_ID all[16];
	(void)state;
	assert_int_equal(client_slots(&client, false, slots), 2);

	agent_configure(&agent, "");
	assert_int_equal(kill(agent.pid, SIGHUP), 0);
	assert_true(agent_says(&agent, "were reloaded"));

	assert_int_equal(client_slots(&client, false, all), 3);
	agent_configure(&agent, "rights \"none\" { tokens = {\"0002\"} allow = {} }\n");
	assert_int_equal(kill(agent.pid, SIGHUP), 0);
	assert_true(agent_says(&agent, "were reloaded"));
	assert_int_equal(client_connect(&client, all[1], &connection).rv, CKR_SLOT_ID_INVALID);
}

static void administration_needs_the_right(void **state)
{
	(void)state;

	assert_int_equal(call(client.control, Function_ADMIN_STATUS).rv, CKR_FUNCTION_REJECTED);
	assert_int_equal(call(client.control, Function_ADMIN_RESCAN).rv, CKR_FUNCTION_REJECTED);
}

static void faulty_configuration_is_not_loaded(void **state)
{
	(void)state;
	agent_configure(&agent, "nonsense = 1\n");

	assert_int_equal(kill(agent.pid, SIGHUP), 0);

	assert_true(agent_says(&agent, "was not reloaded"));
	assert_int_equal(client_slots(&client, true, slots), 3);
}

static void second_agent_on_the_same_socket_gives_up(void **state)
{
	struct agent_process second = agent;
	(void)state;

	assert_false(agent_run(&second));

	assert_int_equal(agent_stop(&second), 1);
	assert_int_equal(client_slots(&client, true, slots), 3);
}

static void stale_socket_is_replaced(void **state)
{
	(void)state;
	assert_int_equal(kill(agent.pid, SIGKILL), 0);
	assert_false(agent_says(&agent, "no such message"));
	(void)agent_stop(&agent);

	assert_true(agent_run(&agent));

	(void)close(client.control);
	client_open(&client, &agent);
	assert_int_equal(client_slots(&client, true, slots), 3);
}

static void ended_agent_leaves_no_host_and_no_socket(void **state)
{
	struct stat status;
	char path[128];
	(void)state;
	join();
	pid_t host = (pid_t)ask().pid;

	assert_int_equal(agent_stop(&agent), 0);

	assert_int_equal(kill(host, 0), -1);
	(void)snprintf(path, sizeof(path), "%s/sock", agent.directory);
	assert_int_equal(stat(path, &status), -1);
}

#define DOOR_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DOOR_TEST(tokens_are_listed_as_soon_as_the_host_knows_them),
		DOOR_TEST(slot_info_is_the_backends),
		DOOR_TEST(connection_reaches_the_host_with_rights_and_serial),
		DOOR_TEST(unknown_client_id_is_refused),
		DOOR_TEST(unknown_slot_is_refused),
		DOOR_TEST(another_version_is_refused),
		DOOR_TEST(newer_module_that_still_speaks_our_version_is_welcome),
		DOOR_TEST(unknown_control_call_is_not_supported),
		DOOR_TEST(garbage_loses_its_own_connection_only),
		DOOR_TEST(restarted_host_gets_back_tickets_and_counts),
		DOOR_TEST(slot_ids_outlive_host_and_agent),
		DOOR_TEST(ended_client_leaves_no_ticket),
		DOOR_TEST(voided_ticket_does_not_come_back),
		DOOR_TEST(host_that_keeps_crashing_gets_no_ticket),
		DOOR_TEST(host_killed_from_outside_keeps_its_trust),
		DOOR_TEST(host_that_wants_a_restart_gets_it),
		DOOR_TEST(host_that_asks_for_another_one_goes_on_until_that_takes_over),
		DOOR_TEST(host_that_talks_garbage_is_replaced),
		DOOR_TEST(kept_pin_reaches_every_incarnation),
		DOOR_TEST(initialised_token_keeps_the_slot_id_for_its_client),
		DOOR_TEST(another_client_sees_the_blank_slot_where_it_was),
		DOOR_TEST(status_tells_all),
		DOOR_TEST(rescan_waits_for_the_new_list),
		cmocka_unit_test_setup_teardown(
			token_without_rights_is_invisible, start_with_hidden_token, stop),
		cmocka_unit_test_setup_teardown(
			administration_needs_the_right, start_with_hidden_token, stop),
		DOOR_TEST(faulty_configuration_is_not_loaded),
		DOOR_TEST(second_agent_on_the_same_socket_gives_up),
		DOOR_TEST(stale_socket_is_replaced),
		DOOR_TEST(ended_agent_leaves_no_host_and_no_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
