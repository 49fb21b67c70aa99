/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rights.h"
#include "support/directory.h"

#define BACKEND "backend \"b\" { type = piv }\n"

enum {
	USE = IOTHSM_RIGHT_USE | IOTHSM_RIGHT_SIGN | IOTHSM_RIGHT_DECRYPT,
	EVERYTHING = USE | IOTHSM_RIGHT_GENERATE | IOTHSM_RIGHT_DESTROY | IOTHSM_RIGHT_SO
};

static struct directory directory;
static struct settings *settings;

static void configure(const char *text)
{
	directory_make(&directory);
	settings = settings_load(directory_write(&directory, "agent.conf", text));
	directory_remove(&directory);
	assert_non_null(settings);
}

static int drop(void **state)
{
	(void)state;
	settings_free(settings);
	settings = NULL;
	return 0;
}

static const struct peer somebody = {
	.uid = 4711, .gid = 4711, .groups = { 50, 60 }, .group_count = 2
};
static const struct peer root = { .uid = 0 };

static CK_FLAGS allowed(const struct peer *peer, const char *serial)
{
	const struct token_name token = { "b", serial, "label" };

	return rights_of(settings, peer, serial ? &token : NULL).allow;
}

static bool uses_kept_pin(const struct peer *peer, const char *serial)
{
	const struct token_name token = { "b", serial, "label" };

	return rights_use_kept_pin(settings, peer, &token);
}

static void without_rights_everyone_has_all_but_admin(void **state)
{
	(void)state;
	configure(BACKEND);

	assert_int_equal(allowed(&somebody, "1"), EVERYTHING);
	assert_int_equal(allowed(&root, "1"), EVERYTHING | IOTHSM_RIGHT_ADMIN);
}

static void first_matching_block_wins(void **state)
{
	(void)state;
	configure(BACKEND "rights \"a\" { users = {4711} allow = {use} }\n"
			  "rights \"b\" { allow = {use, destroy} }\n");

	assert_int_equal(allowed(&somebody, "1"), USE);
	assert_int_equal(allowed(&root, "1"), USE | IOTHSM_RIGHT_DESTROY);
}

static void supplementary_groups_count(void **state)
{
	(void)state;
	configure(BACKEND "rights \"a\" { groups = {60} allow = {admin} }\n");

	assert_int_equal(allowed(&somebody, "1"), IOTHSM_RIGHT_ADMIN);
}

static void block_of_another_token_does_not_match(void **state)
{
	(void)state;
	configure(BACKEND "rights \"a\" { tokens = {\"1\", \"2\"} allow = {} }\n");

	assert_int_equal(allowed(&somebody, "2"), 0);
	assert_int_equal(allowed(&somebody, "3"), EVERYTHING);
	assert_int_equal(allowed(&somebody, ""), EVERYTHING);
	assert_int_equal(allowed(&somebody, NULL), EVERYTHING);
}

static void kept_pins_are_for_pin_users_alone(void **state)
{
	(void)state;
	configure(BACKEND "token \"1\" { pin_users = {4711} }\n");

	assert_true(uses_kept_pin(&somebody, "1"));
	assert_false(uses_kept_pin(&somebody, "2"));
	assert_false(uses_kept_pin(&root, "1"));
	assert_true(uses_kept_pin(&root, "2"));
}

static void kept_pins_are_for_the_backend_that_is_named(void **state)
{
	static const struct token_name same = { "other", "1", "label" };
	(void)state;
	configure(BACKEND "token \"x\" { serial = \"1\" backend = \"b\" pin_users = {4711} }\n");

	assert_true(uses_kept_pin(&somebody, "1"));
	assert_false(rights_use_kept_pin(settings, &somebody, &same));
}

static void star_means_all_tokens_and_the_agent(void **state)
{
	(void)state;
	configure(BACKEND "rights \"a\" { tokens = {\"*\"} allow = {destroy} }\n");

	assert_int_equal(allowed(&somebody, "7"), IOTHSM_RIGHT_DESTROY);
	assert_int_equal(allowed(&somebody, ""), IOTHSM_RIGHT_DESTROY);
	assert_int_equal(allowed(&somebody, NULL), IOTHSM_RIGHT_DESTROY);
}

static void label_that_is_not_known_takes_everything_away(void **state)
{
	static const struct token_name unlisted = { "b", "1", NULL };
	(void)state;
	configure(BACKEND "rights \"a\" { tokens = {\"pkcs11:token=label\"} allow = {sign} }\n");

	assert_int_equal(allowed(&somebody, "1"), IOTHSM_RIGHT_USE | IOTHSM_RIGHT_SIGN);
	assert_int_equal(rights_of(settings, &somebody, &unlisted).allow, 0);
}

static void mechanisms_come_with_the_section(void **state)
{
	static const struct token_name token = { "b", "1", "label" };
	(void)state;
	configure(BACKEND "rights \"a\" { users = {4711} allow = {use} mechanisms = {CKM_ECDSA, "
			  "\"0x1044\"} }\n"
			  "rights \"b\" { users = {4712} allow = {use} mechanisms = {} }\n");
	const struct peer nobody = { .uid = 4712, .gid = 4712 };
	struct rights rights = rights_of(settings, &somebody, &token);

	assert_int_equal(rights.mechanisms->count, 2);
	assert_int_equal(rights.mechanisms->types[0], CKM_ECDSA);
	assert_int_equal(rights.mechanisms->types[1], CKM_ECDSA_SHA256);
	assert_int_equal(rights_of(settings, &nobody, &token).mechanisms->count, 0);
	assert_int_equal(rights_of(settings, &root, &token).mechanisms->count, LINK_MECHANISMS_ALL);
}

static void peer_is_what_the_kernel_says(void **state)
{
	gid_t groups[PEER_GROUPS_MAX];
	int count = getgroups(PEER_GROUPS_MAX, groups);
	struct peer peer;
	int ends[2];
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);

	assert_true(peer_read(ends[0], &peer));

	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.group_count, count);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(without_rights_everyone_has_all_but_admin, drop),
		cmocka_unit_test_teardown(first_matching_block_wins, drop),
		cmocka_unit_test_teardown(supplementary_groups_count, drop),
		cmocka_unit_test_teardown(block_of_another_token_does_not_match, drop),
		cmocka_unit_test_teardown(kept_pins_are_for_pin_users_alone, drop),
		cmocka_unit_test_teardown(kept_pins_are_for_the_backend_that_is_named, drop),
		cmocka_unit_test_teardown(star_means_all_tokens_and_the_agent, drop),
		cmocka_unit_test_teardown(label_that_is_not_known_takes_everything_away, drop),
		cmocka_unit_test_teardown(mechanisms_come_with_the_section, drop),
		cmocka_unit_test(peer_is_what_the_kernel_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
