/* SPDX-License-Identifier: Apache-2.0 */
/* C_WaitForSlotEvent: tokens that came or went, each told once to this process. */
#include "wait.h"

#include <poll.h>
#include <pthread.h>

#include "connection.h"
#include "library.h"

enum {
	AT_ONCE_MS = 10000,
	WAIT_MS = 24 * 60 * 60 * 1000, /* for the agent's answer; then it is asked again */
	NAP_MS = 250                   /* between two tries to reach an agent that is away */
};

static uint64_t heard;                                   /* the number of the last event */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards it */

/* What happened before this process first met the agent is no news to it. */
static uint64_t last_heard(void)
{
	uint64_t first = connection_first_event();

	(void)pthread_mutex_lock(&lock);
	if (heard < first)
		heard = first;
	uint64_t last = heard;

	(void)pthread_mutex_unlock(&lock);
	return last;
}

/* False when another thread was told of it. */
static bool claim_event(uint64_t number)
{
	(void)pthread_mutex_lock(&lock);
	bool is_news = number > heard;

	if (is_news)
		heard = number;
	(void)pthread_mutex_unlock(&lock);
	return is_news;
}

static CK_RV take_event(const Reply *reply, CK_SLOT_ID *slot)
{
	if (reply->rv != CKR_OK)
		return (CK_RV)reply->rv;
	if (!claim_event(reply->number2))
		return CKR_NO_EVENT;
	*slot = (CK_SLOT_ID)reply->number;
	return CKR_OK;
}

static CK_RV ask(struct connection *connection, Call *call, int64_t timeout_ms, CK_SLOT_ID *slot)
{
	Reply reply = { 0 };

	call->function = Function_C_WaitForSlotEvent;
	call->object = last_heard();
	if (connection_exchange(connection, call, &reply, timeout_ms) != CONNECTION_DONE)
		return CKR_DEVICE_ERROR;
	return take_event(&reply, slot);
}

/* Without an agent nothing is known to have happened. */
static CK_RV look_once(CK_SLOT_ID *slot)
{
	Call call = { .number = CKF_DONT_BLOCK };
	struct connection *connection;

	if (connection_take_control(&connection) != CKR_OK)
		return CKR_NO_EVENT;
	CK_RV rv = ask(connection, &call, AT_ONCE_MS, slot);

	if (rv == CKR_DEVICE_ERROR) {
		connection_drop(connection);
		return CKR_NO_EVENT;
	}
	connection_release(connection);
	return rv;
}

static CK_RV wait_once(CK_SLOT_ID *slot)
{
	uint8_t id[WIRE_CLIENT_ID_LEN];
	struct connection *connection;

	TRY(connection_take_waiter(&connection, id));
	CK_RV rv = ask(connection, &(Call){ .data = bytes_of(id, sizeof(id)) }, WAIT_MS, slot);

	connection_drop(connection);
	explicit_bzero(id, sizeof(id));
	return rv;
}

static CK_RV wait_long(uint64_t generation, CK_SLOT_ID *slot)
{
	for (;;) {
		CK_RV rv = wait_once(slot);

		/* Another thread may even have initialised the module again meanwhile. */
		TRY(library_check());
		if (library_generation() != generation)
			return CKR_CRYPTOKI_NOT_INITIALIZED;
		if (rv != CKR_NO_EVENT && rv != CKR_DEVICE_ERROR)
			return rv;
		if (rv == CKR_DEVICE_ERROR)
			(void)poll(NULL, 0, NAP_MS);
	}
}

CK_RV C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
	uint64_t generation = library_generation();

	TRY(library_check());
	if (!slot || reserved)
		return CKR_ARGUMENTS_BAD;
	return flags & CKF_DONT_BLOCK ? look_once(slot) : wait_long(generation, slot);
}

void wait_forget_parent(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

	memcpy(&lock, &fresh, sizeof(lock));
}
