/* SPDX-License-Identifier: Apache-2.0 */
/* Any frames as calls of two clients of one token: decoded, dispatched on the mock library, the
 * replies encoded. */
#include "dispatch.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "frames.h"
#include "host_fixture.h"
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_EVP_PBE_scrypt(const char *pass, size_t pass_len, const unsigned char *salt,
	size_t salt_len, uint64_t n, uint64_t r, uint64_t p, uint64_t memory_max,
	unsigned char *key, size_t key_len);

/* The slow hash of PINs: the fuzzer has no time for its slowness. */
int __wrap_EVP_PBE_scrypt(const char *pass, size_t pass_len, const unsigned char *salt,
	size_t salt_len, uint64_t n, uint64_t r, uint64_t p, uint64_t memory_max,
	unsigned char *key, size_t key_len)
{
	(void)salt, (void)salt_len, (void)n, (void)r, (void)p, (void)memory_max;
	memset(key, 0, key_len);
	memcpy(key, pass, pass_len < key_len ? pass_len : key_len);
	return 1;
}

/* Session 5 of a is logged in, 6 of b is not; the keys have durable handles for inputs to name. */
static struct fixture *prepare(void)
{
	void *state = NULL;

	if (fixture_setup(&state) != 0)
		abort();
	struct fixture *fixture = state;

	log_set_level((enum log_level)1); /* nothing of what it complains about is wanted here */
	(void)mock_library_add(CKO_PRIVATE_KEY, "key", "1", "", true);
	(void)mock_library_add(CKO_PUBLIC_KEY, "key", "1", "point", false);
	if (fixture_open(fixture, fixture->a, 5, CKF_RW_SESSION) != CKR_OK ||
		fixture_login(fixture, fixture->a, 5, CKU_USER, mock.user_pin) != CKR_OK ||
		fixture_open(fixture, fixture->b, 6, 0) != CKR_OK)
		abort();
	if (fixture_find(fixture, fixture->a, 5, CKO_PRIVATE_KEY, "key") != FRAMES_PRIVATE_KEY ||
		fixture_find(fixture, fixture->a, 5, CKO_PUBLIC_KEY, "key") != FRAMES_PUBLIC_KEY)
		abort(); /* the corpus names them by these */
	return fixture;
}

static void dispatch_one(struct fixture *fixture, struct client *client, struct bytes payload)
{
	static struct frame frame;
	static struct arena arena;
	Call call = { 0 };
	Reply reply = { 0 };

	arena_init(&arena, WIRE_FRAME_MAX);
	if (wire_decode_call(payload, &arena, &call)) {
		dispatch_call(client, &call, &arena, &reply);
		(void)wire_encode_reply(&frame, &reply);
	}
	/* What client b has not logged in for never leaves the host. */
	if (client == fixture->b && client->login == USER_NOBODY && mock.signs > 0)
		abort();
	arena_reset(&arena);
	frame_wipe(&frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *state = prepare();
	struct fixture *fixture = state;
	struct bytes rest = bytes_of(data, size), payload;
	uint8_t who = 0;

	while (frames_next(&rest, &who, &payload)) {
		struct client *client = who % 2 ? fixture->b : fixture->a;
		unsigned signs = mock.signs;

		mock.signs = client == fixture->b ? 0 : signs;
		dispatch_one(fixture, client, payload);
	}
	(void)fixture_teardown(&state);
	return 0;
}
