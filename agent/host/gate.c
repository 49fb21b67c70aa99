/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call into a token now: shared or exclusive, first come first served, one owner in an SO
 * phase. */
#include "gate.h"

#include <errno.h>
#include <time.h>

#include "wire.h"

struct gate_waiter {
	struct gate_waiter *next;
	const void *who;
	enum gate_mode mode;
};

void gate_init(struct gate *gate, bool serial)
{
	pthread_condattr_t attributes;

	*gate = (struct gate){ .serial = serial };
	(void)pthread_mutex_init(&gate->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&gate->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
}

void gate_reset(struct gate *gate)
{
	(void)pthread_cond_destroy(&gate->changed);
	(void)pthread_mutex_destroy(&gate->lock);
}

static bool is_owned_by_other_locked(const struct gate *gate, const void *who)
{
	return gate->owner && gate->owner != who;
}

static bool owner_is_overdue_locked(const struct gate *gate)
{
	return gate->owner && wire_now_ms() - gate->owner_since_ms >= GATE_OWNER_MAX_MS;
}

static bool owner_has_to_go_locked(const struct gate *gate, int64_t idle_ms)
{
	return gate->owner_calls == 0 &&
	       (owner_is_overdue_locked(gate) || wire_now_ms() - gate->owner_seen_ms >= idle_ms);
}

/* When it may have to, without a call that ends before. */
static int64_t owner_goes_ms_locked(const struct gate *gate, int64_t idle_ms)
{
	int64_t overdue_ms = gate->owner_since_ms + GATE_OWNER_MAX_MS;
	int64_t idle_at_ms = gate->owner_seen_ms + idle_ms;

	return overdue_ms < idle_at_ms ? overdue_ms : idle_at_ms;
}

static bool others_wait_locked(const struct gate *gate)
{
	for (const struct gate_waiter *waiter = gate->first; waiter; waiter = waiter->next)
		if (waiter->who != gate->owner)
			return true;
	return false;
}

/* One that the owner keeps out does not hold up those behind it. */
static bool is_next_locked(const struct gate *gate, const struct gate_waiter *self)
{
	for (const struct gate_waiter *waiter = gate->first; waiter != self;
		waiter = waiter->next) {
		if (is_owned_by_other_locked(gate, waiter->who))
			continue;
		if (waiter->mode == GATE_EXCLUSIVE || self->mode == GATE_EXCLUSIVE)
			return false;
	}
	return true;
}

static bool may_enter_locked(const struct gate *gate, const struct gate_waiter *self)
{
	if (gate->exclusive || is_owned_by_other_locked(gate, self->who))
		return false;
	/* Calls of several threads may leave no moment between them. */
	if (owner_is_overdue_locked(gate) && others_wait_locked(gate))
		return false;
	if (self->mode == GATE_EXCLUSIVE && gate->shared > 0)
		return false;
	return is_next_locked(gate, self);
}

static void append_locked(struct gate *gate, struct gate_waiter *waiter)
{
	if (gate->last)
		gate->last->next = waiter;
	else
		gate->first = waiter;
	gate->last = waiter;
}

static void remove_locked(struct gate *gate, struct gate_waiter *waiter)
{
	struct gate_waiter *before = NULL;

	for (struct gate_waiter *at = gate->first; at != waiter; at = at->next)
		before = at;
	if (before)
		before->next = waiter->next;
	else
		gate->first = waiter->next;
	if (gate->last == waiter)
		gate->last = before;
}

static void wait_locked(struct gate *gate, int64_t until_ms)
{
	struct timespec until = { .tv_sec = until_ms / 1000,
		.tv_nsec = (until_ms % 1000) * 1000000 };

	(void)pthread_cond_timedwait(&gate->changed, &gate->lock, &until);
}

static CK_RV wait_for_turn_locked(struct gate *gate, const struct gate_waiter *self,
	int64_t deadline_ms, int64_t owner_idle_ms)
{
	while (!may_enter_locked(gate, self)) {
		int64_t until_ms = deadline_ms;

		if (wire_now_ms() >= deadline_ms)
			return CKR_DEVICE_ERROR;
		if (is_owned_by_other_locked(gate, self->who)) {
			if (owner_has_to_go_locked(gate, owner_idle_ms))
				return CKR_FUNCTION_CANCELED;
			if (gate->owner_calls == 0 &&
				owner_goes_ms_locked(gate, owner_idle_ms) < until_ms)
				until_ms = owner_goes_ms_locked(gate, owner_idle_ms);
		}
		wait_locked(gate, until_ms);
	}
	return CKR_OK;
}

static void enter_locked(struct gate *gate, const struct gate_waiter *self)
{
	if (self->mode == GATE_EXCLUSIVE)
		gate->exclusive = true;
	else
		gate->shared++;
	if (gate->owner == self->who)
		gate->owner_calls++;
}

CK_RV gate_enter(struct gate *gate, const void *who, enum gate_mode mode, int64_t deadline_ms,
	int64_t owner_idle_ms)
{
	struct gate_waiter self = { .who = who, .mode = gate->serial ? GATE_EXCLUSIVE : mode };
	CK_RV rv = CKR_OK;

	(void)pthread_mutex_lock(&gate->lock);
	append_locked(gate, &self);
	if (!may_enter_locked(gate, &self))
		rv = wait_for_turn_locked(gate, &self, deadline_ms, owner_idle_ms);
	remove_locked(gate, &self);
	if (rv == CKR_OK)
		enter_locked(gate, &self);
	/* Others of the same mode, or those behind one that gave up, may go as well now. */
	if (gate->first)
		(void)pthread_cond_broadcast(&gate->changed);
	(void)pthread_mutex_unlock(&gate->lock);
	return rv;
}

void gate_leave(struct gate *gate, const void *who)
{
	(void)pthread_mutex_lock(&gate->lock);
	if (gate->exclusive)
		gate->exclusive = false;
	else
		gate->shared--;
	if (gate->owner == who && gate->owner_calls > 0) {
		gate->owner_calls--;
		gate->owner_seen_ms = wire_now_ms();
	}
	if (gate->first)
		(void)pthread_cond_broadcast(&gate->changed);
	(void)pthread_mutex_unlock(&gate->lock);
}

void gate_set_owner(struct gate *gate, const void *owner)
{
	(void)pthread_mutex_lock(&gate->lock);
	gate->owner = owner;
	gate->owner_calls = owner ? 1 : 0;
	gate->owner_seen_ms = gate->owner_since_ms = wire_now_ms();
	(void)pthread_mutex_unlock(&gate->lock);
}

bool gate_take_over(struct gate *gate, const void *who, int64_t owner_idle_ms)
{
	(void)pthread_mutex_lock(&gate->lock);
	bool taken = gate->owner && gate->owner != who && !gate->exclusive && gate->shared == 0 &&
		     owner_has_to_go_locked(gate, owner_idle_ms);

	if (taken) {
		gate->owner = who;
		gate->owner_calls = 1;
		gate->owner_seen_ms = gate->owner_since_ms = wire_now_ms();
		gate->exclusive = true;
	}
	(void)pthread_mutex_unlock(&gate->lock);
	return taken;
}
