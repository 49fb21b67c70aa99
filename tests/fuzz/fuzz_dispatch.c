/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a call of a logged-in client: decoded, dispatched on the mock library, the reply
 * encoded. */
#include "dispatch.h"
#include "host_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The host lives on from input to input as a real one does; session 5 is open and logged in again
 * if need be. */
static struct fixture *prepared(void)
{
	static void *state;

	if (!state && fixture_setup(&state) != 0)
		return NULL;
	struct fixture *fixture = state;

	(void)fixture_open(fixture, fixture->a, 5, CKF_RW_SESSION);
	if (fixture->a->login == USER_NOBODY)
		(void)fixture_login(fixture, fixture->a, 5, CKU_USER, mock.user_pin);
	/* A durable handle, so that an input can name the key. */
	if (!mock.objects[0].present) {
		(void)mock_library_add(CKO_PRIVATE_KEY, "key", "1", "", true);
		(void)mock_library_add(CKO_PUBLIC_KEY, "key", "1", "point", false);
	}
	return fixture;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fixture *fixture = prepared();
	static struct frame frame;
	static struct arena arena;
	Call call = { 0 };
	Reply reply = { 0 };

	if (!fixture)
		return -1;
	arena_init(&arena, WIRE_FRAME_MAX);
	if (wire_decode_call(bytes_of(data, size), &arena, &call)) {
		dispatch_call(fixture->a, &call, &arena, &reply);
		(void)wire_encode_reply(&frame, &reply);
	}
	arena_reset(&arena);
	frame_wipe(&frame);
	return 0;
}
