/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call into a token now: shared or exclusive, first come first served, one owner in an SO
 * phase. */
#ifndef IOTHSM_GATE_H
#define IOTHSM_GATE_H

#include <iothsm/pkcs11-3.2.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* For so long an owner may keep others waiting, however many calls it makes. */
enum { GATE_OWNER_MAX_MS = 25 * 1000 };

enum gate_mode { GATE_SHARED, GATE_EXCLUSIVE };

struct gate_waiter;

struct gate {
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t changed;
	struct gate_waiter *first, *last;
	unsigned shared;
	bool exclusive;
	bool serial;       /* every entry is exclusive */
	const void *owner; /* only its calls enter; NULL: everybody's */
	unsigned owner_calls;
	int64_t owner_seen_ms, owner_since_ms;
};

void gate_init(struct gate *gate, bool serial);
void gate_reset(struct gate *gate);

/*
 * CKR_OK when inside; CKR_DEVICE_ERROR when the deadline (wire_now_ms()) passed. While another one
 * owns the gate and made no call for owner_idle_ms, or owns it for too long: CKR_FUNCTION_CANCELED,
 * see gate_take_over().
 */
CK_RV gate_enter(struct gate *gate, const void *who, enum gate_mode mode, int64_t deadline_ms,
	int64_t owner_idle_ms);
void gate_leave(struct gate *gate, const void *who);

/* By who is inside exclusively: from now on only its calls enter; NULL ends that. */
void gate_set_owner(struct gate *gate, const void *owner);

/* Ends the ownership of an idle or overdue owner: true when the caller is inside exclusively now,
 * as who. */
bool gate_take_over(struct gate *gate, const void *who, int64_t owner_idle_ms);

#endif
