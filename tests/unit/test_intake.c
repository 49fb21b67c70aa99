/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the messages that reach the bridge, good and bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bridge_core.h"
#include "certificate.h"
#include "envelope.h"
#include "json.h"
#include "log.h"
#include "support/directory.h"
#include "support/identity.h"
#include "wallclock.h"

#define OWN_UUID   "8757b009-3c2c-4efd-8287-150adeb79b2d"
#define OTHER_UUID "00000000-3c2c-4efd-8287-150adeb79b2d"

/* Made once, because keys take time. */
static struct {
	EVP_PKEY *anchor_key;
	X509 *anchor;
	EVP_PKEY *signer_key;
	X509 *signer;
	EVP_PKEY *channel_key;
	X509 *channel_cert;
	struct directory directory;
	struct config config;
} world;

struct fixture {
	struct bridge bridge;
	struct ca cas[2];
	struct directory directory; /* of the journal */
};

static int setup_world(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	world.anchor_key = identity_key();
	world.anchor = identity_cert("Anchor", world.anchor_key, NULL, NULL);
	world.signer_key = identity_key();
	world.signer = identity_cert("Platform", world.signer_key, world.anchor, world.anchor_key);
	world.channel_key = identity_key();
	world.channel_cert = identity_cert("Channel", world.channel_key, NULL, NULL);
	directory_make(&world.directory);
	identity_write(world.anchor, directory_file(&world.directory, "anchor.pem"));
	world.config.platform_ca = strdup(world.directory.file);
	world.config.signing_window_s = 3600;
	return 0;
}

static int teardown_world(void **state)
{
	(void)state;
	directory_remove(&world.directory);
	free(world.config.platform_ca);
	X509_free(world.channel_cert);
	EVP_PKEY_free(world.channel_key);
	X509_free(world.signer);
	EVP_PKEY_free(world.signer_key);
	X509_free(world.anchor);
	EVP_PKEY_free(world.anchor_key);
	return 0;
}

/* Two CAs; the second has the channel key of the world. */
static void add_ca(struct fixture *fixture, size_t index, const char *thumbprint)
{
	struct ca *ca = &fixture->cas[index];

	ca->index = index;
	ca->present = true;
	(void)strcpy(ca->serial, "0a0b");
	(void)strcpy(ca->thumbprint, thumbprint);
	channel_init(&ca->channel);
	if (index == 1 && EVP_PKEY_up_ref(world.channel_key) == 1)
		ca->channel.key = world.channel_key;
	else
		assert_int_equal(channel_make_key(&ca->channel), CKR_OK);
	fixture->bridge.cas[index] = ca;
	fixture->bridge.ca_count++;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct bridge *bridge = &fixture->bridge;

	assert_non_null(fixture);
	bridge->config = &world.config;
	(void)strcpy(bridge->state.uuid, OWN_UUID);
	(void)pthread_mutex_init(&bridge->lock, NULL);
	refusal_init(&bridge->refusals);
	assert_int_equal(platform_open(&world.config, &bridge->platform), CKR_OK);
	bridge->queue = queue_new(BRIDGE_CAS_MAX, 10, 10);
	directory_make(&fixture->directory);
	bridge->replay = replay_new(fixture->directory.path);
	bridge->journal = journal_open(fixture->directory.path, wallclock_now_s());
	assert_true(bridge->queue && bridge->replay && bridge->journal);
	add_ca(fixture, 0, "first");
	add_ca(fixture, 1, "second");
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	struct queue_item *item;

	while ((item = queue_abandon(fixture->bridge.queue)))
		task_free((struct task *)item);
	queue_free(fixture->bridge.queue);
	replay_free(fixture->bridge.replay);
	journal_close(fixture->bridge.journal);
	directory_remove(&fixture->directory);
	platform_close(fixture->bridge.platform);
	channel_reset(&fixture->cas[0].channel);
	channel_reset(&fixture->cas[1].channel);
	(void)pthread_mutex_destroy(&fixture->bridge.lock);
	free(fixture);
	return 0;
}

/* Takes the text over. */
static void deliver_from(struct fixture *fixture, const char *publisher, char *text)
{
	struct pubnub_message message = { .channel = "chan" };

	(void)strcpy(message.publisher, publisher);
	message.published = wallclock_now();
	message.payload = json_parse(bytes_of_text(text));
	assert_non_null(message.payload);
	intake_take(&fixture->bridge, NULL, &message);
	pubnub_message_reset(&message);
	free(text);
}

static void deliver(struct fixture *fixture, char *text)
{
	deliver_from(fixture, "platform", text);
}

static char *sign(const char *content)
{
	struct envelope_identity identity = { world.signer, world.signer_key };

	return envelope_sign(&identity, bytes_of_text(content));
}

static char *solicit(const char *thumbprint, const char *siguuid)
{
	char *content = message_solicit_content("0a0b", thumbprint, siguuid);
	char *smime = sign(content);
	char *payload = message_solicit_payload(NULL, 5, smime);

	free(smime);
	free(content);
	return payload;
}

static char *seal_request(const char *content)
{
	struct envelope_identity identity = { world.signer, world.signer_key };

	return envelope_seal(&identity, world.channel_cert, bytes_of_text(content));
}

static char *request_of(const char *outer, const char *content, int64_t caindex)
{
	char *smime = seal_request(content);
	char *payload = message_request_payload(OWN_UUID, outer, caindex, "csr", 30, smime);

	free(smime);
	return payload;
}

#define REQUEST "{\"siguuid\":\"s1\",\"request\":{\"csr\":\"x\"}}"

static size_t refused(struct fixture *fixture, enum refusal_kind kind)
{
	return fixture->bridge.refusals.counts[kind];
}

static void assert_only_refused(struct fixture *fixture, enum refusal_kind kind)
{
	for (size_t i = 0; i < REFUSAL_COUNT; i++)
		assert_int_equal(refused(fixture, (enum refusal_kind)i), i == kind ? 1 : 0);
	assert_int_equal(queue_waiting(fixture->bridge.queue), 0);
}

static struct task *pop(struct fixture *fixture)
{
	assert_true(queue_waiting(fixture->bridge.queue) > 0);
	struct queue_item *item = queue_pop(fixture->bridge.queue);

	queue_done(fixture->bridge.queue, item);
	return (struct task *)item;
}

static void solicitation_for_our_ca_becomes_an_offer(void **state)
{
	deliver(*state, solicit("second", "s1"));
	struct task *task = pop(*state);

	assert_int_equal(task->kind, TASK_OFFER);
	assert_int_equal(task->ca->index, 1);
	assert_string_equal(task->siguuid, "s1");
	assert_string_equal(task->publisher, "platform");
	assert_string_equal(task->channel, "chan");
	task_free(task);
}

static void solicitation_for_another_ca_is_met_with_silence(void **state)
{
	deliver(*state, solicit("third", "s1"));
	assert_only_refused(*state, REFUSAL_UNKNOWN_CA);
}

static void solicitation_for_a_ca_that_is_gone_is_met_with_silence(void **state)
{
	struct fixture *fixture = *state;

	fixture->cas[1].present = false;
	deliver(fixture, solicit("second", "s1"));
	assert_only_refused(fixture, REFUSAL_UNKNOWN_CA);
}

static void strangers_signature_is_refused(void **state)
{
	struct envelope_identity stranger = { world.channel_cert, world.channel_key };
	char *smime = envelope_sign(&stranger, bytes_of_text("{}"));

	deliver(*state, message_solicit_payload(NULL, 5, smime));
	free(smime);
	assert_only_refused(*state, REFUSAL_UNVERIFIED);
}

static void request_becomes_a_job_of_its_ca(void **state)
{
	deliver(*state, request_of("s1", REQUEST, 1));
	struct task *task = pop(*state);

	assert_int_equal(task->kind, TASK_JOB);
	assert_int_equal(task->ca->index, 1);
	assert_null(task->refusal);
	assert_string_equal(task->signtype, "csr");
	assert_true(task->ttl_s == 30);
	assert_int_equal(X509_cmp(task->requester, world.signer), 0);
	assert_string_equal(json_text(task->request, "csr"), "x");
	task_free(task);
}

static void request_under_another_index_is_answered_as_not_found(void **state)
{
	static const int64_t indexes[] = { 0, 2, -1, INT64_MAX };

	for (size_t i = 0; i < ARRAY_LEN(indexes); i++) {
		char content[128];
		char siguuid[8];

		(void)snprintf(siguuid, sizeof(siguuid), "s%zu", i);
		(void)snprintf(content, sizeof(content),
			"{\"siguuid\":\"s%zu\",\"request\":{\"csr\":\"x\"}}", i);
		deliver(*state, request_of(siguuid, content, indexes[i]));
		struct task *task = pop(*state);

		assert_int_equal(task->ca->index, 1);
		assert_string_equal(task->refusal, "Failed to find CA on HSM");
		task_free(task);
	}
}

static void request_that_names_another_ca_is_answered_with_a_refusal(void **state)
{
	deliver(*state, request_of("s1",
				"{\"siguuid\":\"s1\",\"request\":{\"ca\":{\"serial\":\"0a0b\","
				"\"thumbprint\":\"first\"}}}",
				1));
	struct task *task = pop(*state);

	assert_non_null(task->refusal);
	task_free(task);
}

static void repeated_request_gets_the_stored_answer(void **state)
{
	static const struct journal_answer answer = { true, "answer", "", "", 0, 0, 0, "" };
	struct fixture *fixture = *state;

	deliver(fixture, request_of("s1", REQUEST, 1));
	struct task *first = pop(fixture);

	deliver(fixture, request_of("s1", REQUEST, 1));
	assert_only_refused(fixture, REFUSAL_REPEATED);
	assert_true(
		journal_answer(fixture->bridge.journal, first->ticket, &answer, wallclock_now_s()));
	deliver(fixture, request_of("s1", REQUEST, 1));
	struct task *second = pop(fixture);

	assert_int_equal(second->kind, TASK_REPEAT);
	assert_string_equal(second->answer, "1answer");
	task_free(first);
	task_free(second);
}

static void another_request_under_a_known_siguuid_is_refused(void **state)
{
	struct fixture *fixture = *state;

	deliver(fixture, request_of("s1", REQUEST, 1));
	task_free(pop(fixture));
	deliver(fixture, request_of("s1", "{\"siguuid\":\"s1\",\"request\":{\"csr\":\"y\"}}", 1));
	assert_only_refused(fixture, REFUSAL_CONFLICT);
}

static void outer_siguuid_must_be_the_inner_one(void **state)
{
	deliver(*state, request_of("s2", REQUEST, 1));
	assert_only_refused(*state, REFUSAL_SIGUUID);
}

static void solicitation_labelled_as_request_is_refused(void **state)
{
	char *content = message_solicit_content("0a0b", "second", "s1");
	char *smime = sign(content);

	deliver(*state, message_request_payload(OWN_UUID, "s1", 1, "csr", 30, smime));
	free(smime);
	free(content);
	assert_only_refused(*state, REFUSAL_UNREADABLE);
}

static void request_labelled_as_solicitation_is_refused(void **state)
{
	char *smime = seal_request(REQUEST);

	deliver(*state, message_solicit_payload(NULL, 5, smime));
	free(smime);
	assert_only_refused(*state, REFUSAL_SHAPE);
}

static void request_for_a_foreign_channel_key_is_dropped(void **state)
{
	struct envelope_identity identity = { world.signer, world.signer_key };
	char *smime = envelope_seal(&identity, world.signer, bytes_of_text(REQUEST));

	deliver(*state, message_request_payload(OWN_UUID, "s1", 1, "csr", 30, smime));
	free(smime);
	assert_only_refused(*state, REFUSAL_UNREADABLE);
}

static void content_that_is_no_request_is_dropped(void **state)
{
	deliver(*state, request_of("s1", "{\"siguuid\":\"s1\",\"request\":null}", 1));
	assert_only_refused(*state, REFUSAL_UNREADABLE);
}

static void own_message_is_dropped(void **state)
{
	deliver_from(*state, OWN_UUID, solicit("second", "s1"));
	assert_only_refused(*state, REFUSAL_OWN);
}

static void message_for_another_appliance_is_dropped(void **state)
{
	deliver(*state, message_request_payload(OTHER_UUID, "s1", 1, "csr", 30, "x"));
	assert_only_refused(*state, REFUSAL_FOREIGN);
}

static void payloads_of_strangers_are_dropped_and_counted(void **state)
{
	static const char *const payloads[] = { "null", "7", "\"text\"", "[]", "{}",
		"{\"type\":\"solicit signature\"}",
		"{\"type\":\"solicit signature\",\"smime\":null}",
		"{\"type\":\"unknown\",\"smime\":\"x\"}" };

	for (size_t i = 0; i < ARRAY_LEN(payloads); i++)
		deliver(*state, strdup(payloads[i]));
	assert_int_equal(refused(*state, REFUSAL_MALFORMED), ARRAY_LEN(payloads));
}

static void full_queue_forgets_what_it_could_not_take(void **state)
{
	struct fixture *fixture = *state;
	char siguuid[16];

	for (int i = 0; i < 11; i++) {
		(void)snprintf(siguuid, sizeof(siguuid), "s%d", i);
		deliver(fixture, solicit("second", siguuid));
	}
	assert_int_equal(refused(fixture, REFUSAL_OVERFLOW), 1);
	assert_int_equal(queue_waiting(fixture->bridge.queue), 10);
}

/* The last one: the clock stays where it is put. */
static void message_signed_long_ago_is_refused(void **state)
{
	int64_t now_ms = wallclock_uptime_ms();
	char *late = solicit("second", "s1");

	wallclock_observe(WALLCLOCK_PUBNUB, wallclock_now() + 3700 * (int64_t)WALLCLOCK_SECOND,
		now_ms, now_ms);
	deliver(*state, late);
	assert_only_refused(*state, REFUSAL_UNVERIFIED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(solicitation_for_our_ca_becomes_an_offer),
		TEST(solicitation_for_another_ca_is_met_with_silence),
		TEST(solicitation_for_a_ca_that_is_gone_is_met_with_silence),
		TEST(strangers_signature_is_refused),
		TEST(request_becomes_a_job_of_its_ca),
		TEST(request_under_another_index_is_answered_as_not_found),
		TEST(request_that_names_another_ca_is_answered_with_a_refusal),
		TEST(repeated_request_gets_the_stored_answer),
		TEST(another_request_under_a_known_siguuid_is_refused),
		TEST(outer_siguuid_must_be_the_inner_one),
		TEST(solicitation_labelled_as_request_is_refused),
		TEST(request_labelled_as_solicitation_is_refused),
		TEST(request_for_a_foreign_channel_key_is_dropped),
		TEST(content_that_is_no_request_is_dropped),
		TEST(own_message_is_dropped),
		TEST(message_for_another_appliance_is_dropped),
		TEST(payloads_of_strangers_are_dropped_and_counted),
		TEST(full_queue_forgets_what_it_could_not_take),
		TEST(message_signed_long_ago_is_refused),
	};

	return cmocka_run_group_tests(tests, setup_world, teardown_world);
}
