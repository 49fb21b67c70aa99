/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that the stand-in shows on demand: where, how, and how often. */
#include "fault.h"

#include <stdlib.h>

#include "cleanup.h"
#include "mailbox.h"

static const struct {
	const char *name;
	enum fault_place place;
} places[] = {
	{ "register", FAULT_REGISTER },
	{ "deliver", FAULT_DELIVER },
	{ "subscribe", FAULT_SUBSCRIBE },
	{ "publish", FAULT_PUBLISH },
	{ "time", FAULT_TIME },
	{ "leave", FAULT_LEAVE },
	{ "messages", FAULT_MESSAGES },
};

static const struct {
	const char *name;
	enum fault_kind kind;
} kinds[] = {
	{ "html", FAULT_HTML },
	{ "reset", FAULT_RESET },
	{ "silence", FAULT_SILENCE },
	{ "refuse", FAULT_REFUSE },
	{ "duplicate", FAULT_DUPLICATE },
	{ "reverse", FAULT_REVERSE },
};

void faults_init(struct faults *faults)
{
	*faults = (struct faults){ .lock = PTHREAD_MUTEX_INITIALIZER };
}

void faults_destroy(struct faults *faults)
{
	(void)pthread_mutex_destroy(&faults->lock);
}

static enum fault_place find_place(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_LEN(places); i++) {
		if (strcmp(places[i].name, name) == 0)
			return places[i].place;
	}
	return FAULT_NOWHERE;
}

static struct fault parse_kind(const char *name)
{
	struct fault fault = { 0 };

	for (size_t i = 0; name && i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].name, name) == 0)
			fault.kind = kinds[i].kind;
	}
	if (name && strspn(name, "0123456789") == 3 && name[3] == '\0' &&
		(name[0] == '4' || name[0] == '5')) {
		fault.kind = FAULT_STATUS;
		fault.status = atoi(name);
	}
	return fault;
}

static bool happens_at(enum fault_kind kind, enum fault_place place)
{
	switch (kind) {
	case FAULT_NONE: return false;
	case FAULT_DUPLICATE:
	case FAULT_REVERSE: return place == FAULT_MESSAGES;
	case FAULT_REFUSE: return place == FAULT_REGISTER || place == FAULT_DELIVER;
	default: return place != FAULT_NOWHERE && place != FAULT_MESSAGES;
	}
}

/* "503,reset": kinds that requests meet in turn. */
static bool parse_turns(const struct standin_fault *wanted, struct fault_switch *made)
{
	enum fault_place place = find_place(wanted->place);
	CLEANUP(free) char *copy = strdup(wanted->kind ? wanted->kind : "");
	char *rest = copy;

	while (rest && made->count < FAULT_TURNS_MAX) {
		struct fault fault = parse_kind(strsep(&rest, ","));

		if (!happens_at(fault.kind, place))
			return false;
		fault.silence_ms = wanted->for_ms;
		made->turns[made->count++] = fault;
	}
	return copy && !rest;
}

bool fault_set(struct faults *faults, const struct standin_fault *wanted)
{
	struct fault_switch made = { .left = wanted->count,
		.until_ms = wanted->count ? 0 : mailbox_now_ms() + wanted->for_ms };

	if (!parse_turns(wanted, &made))
		return false;
	(void)pthread_mutex_lock(&faults->lock);
	faults->at[find_place(wanted->place)] = made;
	(void)pthread_mutex_unlock(&faults->lock);
	return true;
}

static struct fault take_locked(struct fault_switch *at)
{
	int64_t rest_ms = at->until_ms - mailbox_now_ms();

	if (at->left == 0 && rest_ms <= 0)
		return (struct fault){ 0 };
	struct fault fault = at->turns[at->met++ % at->count];

	if (at->left > 0)
		at->left--;
	else
		fault.silence_ms = (unsigned)rest_ms;
	return fault;
}

struct fault fault_take(struct faults *faults, enum fault_place place)
{
	(void)pthread_mutex_lock(&faults->lock);
	struct fault fault = take_locked(&faults->at[place]);

	(void)pthread_mutex_unlock(&faults->lock);
	return fault;
}

unsigned fault_met(struct faults *faults, const char *place)
{
	(void)pthread_mutex_lock(&faults->lock);
	unsigned met = faults->at[find_place(place)].met;

	(void)pthread_mutex_unlock(&faults->lock);
	return met;
}
