/* SPDX-License-Identifier: Apache-2.0 */
/* Random calls to two libraries in lock-step: each must do what the other does, or refuse what it
 * refuses; prints and counts what differs and is not known. */
#include "lockstep.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

enum { OURS, THEIRS, SIDES };
enum { SESSIONS = 4, OBJECTS = 32, PAIRS = 4, FAULTS_MAX = 5, TRIES = 100 };

/* One session or object, as each library names it. */
struct pair {
	CK_ULONG handle[SIDES];
	bool alike; /* an object of the same value in both */
};

struct step {
	const struct function *function;
	struct draw draw;
	size_t session, object, other;
	struct names names[SIDES];
};

static struct {
	CK_FUNCTION_LIST *p11;
	CK_SLOT_ID slot;
	struct outcome outcome;
} sides[SIDES];

static struct pair sessions[SESSIONS], objects[OBJECTS];
static enum kind going[SESSIONS];
static bool repeatable[SESSIONS]; /* the operation gives the same in both */
static CK_BYTE last[LOCKSTEP_ROOM];
static CK_ULONG last_len;
static size_t faults, successes;

/* Where ours does more than SoftHSM2: it searches beside an operation. */
static const struct {
	const char *name;
	CK_RV ours, theirs;
} known[] = {
	{ "FindObjects", CKR_OK, CKR_OPERATION_ACTIVE },
};

static void must(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return;
	(void)printf("lockstep: %s: 0x%lx\n", what, rv);
	exit(2);
}

static void open_pair(size_t at)
{
	CK_FLAGS flags = CKF_SERIAL_SESSION | (draw_chance(60) ? CKF_RW_SESSION : 0);

	for (size_t i = 0; i < SIDES; i++)
		must(sides[i].p11->C_OpenSession(
			     sides[i].slot, flags, NULL, NULL, &sessions[at].handle[i]),
			"C_OpenSession");
	going[at] = NONE;
}

static void reopen(size_t at)
{
	for (size_t i = 0; i < SIDES; i++)
		must(sides[i].p11->C_CloseSession(sessions[at].handle[i]), "C_CloseSession");
	open_pair(at);
}

static void fault(const struct step *step, const char *what, CK_ULONG ours, CK_ULONG theirs)
{
	const struct draw *draw = &step->draw;

	faults++;
	(void)printf("%s: %s: ours 0x%lx, theirs 0x%lx; mechanism 0x%lx, length %lu, room %lu\n",
		step->function->name, what, ours, theirs, draw->mechanism.mechanism, draw->len,
		draw->room);
	for (CK_ULONG i = 0; i < draw->template_count; i++)
		(void)printf("  attribute 0x%lx, length %lu\n", draw->template[i].type,
			draw->template[i].ulValueLen);
}

static bool is_known(const struct step *step, CK_RV ours, CK_RV theirs)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].name, step->function->name) == 0 && known[i].ours == ours &&
			known[i].theirs == theirs)
			return true;
	return false;
}

static bool gives_same(const struct step *step)
{
	if (step->function->kind == NONE)
		return step->draw.repeatable && objects[step->object].alike &&
		       objects[step->other].alike;
	return repeatable[step->session];
}

static void compare_output(const struct step *step)
{
	const struct outcome *ours = &sides[OURS].outcome, *theirs = &sides[THEIRS].outcome;

	if (!gives_same(step))
		return;
	if (ours->len != theirs->len)
		fault(step, "length", ours->len, theirs->len);
	else if (ours->rv == CKR_OK && !step->draw.query_len &&
		 memcmp(ours->bytes, theirs->bytes, ours->len) != 0)
		fault(step, "output", ours->bytes[0], theirs->bytes[0]);
}

static void compare_values(const struct step *step)
{
	for (CK_ULONG i = 0; i < step->draw.query_count; i++) {
		const CK_ATTRIBUTE *ours = &sides[OURS].outcome.values[i];
		const CK_ATTRIBUTE *theirs = &sides[THEIRS].outcome.values[i];

		if (ours->ulValueLen != theirs->ulValueLen)
			fault(step, "attribute length", ours->ulValueLen, theirs->ulValueLen);
		else if (ours->pValue && ours->ulValueLen <= LOCKSTEP_VALUE &&
			 memcmp(ours->pValue, theirs->pValue, ours->ulValueLen) != 0)
			fault(step, "attribute value", ours->type, theirs->type);
	}
}

static CK_ULONG found_of(size_t side)
{
	const struct outcome *out = &sides[side].outcome;
	CK_ULONG found = 0;

	for (CK_ULONG i = 0; i < out->len; i++)
		for (size_t j = 0; j < OBJECTS; j++)
			if (objects[j].handle[side] == out->found[i])
				found |= 1UL << j;
	return found;
}

static bool has_lengths(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL || rv == CKR_ATTRIBUTE_SENSITIVE ||
	       rv == CKR_ATTRIBUTE_TYPE_INVALID;
}

/* Of several reasons to refuse each may name another. */
static bool is_same(CK_RV ours, CK_RV theirs)
{
	static const CK_RV exact[] = { CKR_OK, CKR_BUFFER_TOO_SMALL };

	for (size_t i = 0; i < ARRAY_LEN(exact); i++)
		if ((ours == exact[i]) != (theirs == exact[i]))
			return false;
	return true;
}

static void compare(const struct step *step)
{
	unsigned int flags = step->function->flags;
	CK_RV ours = sides[OURS].outcome.rv, theirs = sides[THEIRS].outcome.rv;

	if (!is_same(ours, theirs) && !is_known(step, ours, theirs))
		fault(step, "return value", ours, theirs);
	if (ours != theirs || !has_lengths(ours))
		return;
	if ((flags & OUTPUT) && (ours == CKR_OK || ours == CKR_BUFFER_TOO_SMALL))
		compare_output(step);
	if ((flags & VALUES) && objects[step->object].alike)
		compare_values(step);
	if ((flags & FINDS) && found_of(OURS) != found_of(THEIRS))
		fault(step, "objects", found_of(OURS), found_of(THEIRS));
}

/* The new pair takes a place by chance; who was there is destroyed where a session may. */
static void keep_object(CK_ULONG ours, CK_ULONG theirs, bool alike)
{
	struct pair *place = &objects[PAIRS + draw_below(OBJECTS - PAIRS)];

	for (size_t i = 0; i < SIDES; i++)
		for (size_t j = 0; j < SESSIONS && place->handle[i] != 0; j++)
			(void)sides[i].p11->C_DestroyObject(
				sessions[j].handle[i], place->handle[i]);
	*place = (struct pair){ { ours, theirs }, alike };
}

static bool makes_alike(const struct step *step)
{
	if (step->draw.mechanism.mechanism == CKM_AES_KEY_GEN ||
		step->draw.mechanism.mechanism == CKM_GENERIC_SECRET_KEY_GEN)
		return strcmp(step->function->name, "CreateObject") == 0;
	return objects[step->object].alike;
}

static void follow_operation(const struct step *step, bool both)
{
	size_t at = step->session;
	CK_RV rv = sides[THEIRS].outcome.rv;

	if ((step->function->flags & BEGINS) && both) {
		going[at] = step->function->kind;
		repeatable[at] = step->draw.repeatable &&
				 (going[at] == DIGEST || objects[step->object].alike);
	} else if (step->function->kind == going[at] && !both && rv != CKR_BUFFER_TOO_SMALL &&
		   rv != CKR_OPERATION_ACTIVE) {
		reopen(at); /* the standard ends the operation; SoftHSM2 keeps some */
	}
}

static void keep_output(const struct step *step)
{
	if (step->draw.query_len || !gives_same(step) || sides[OURS].outcome.len > sizeof(last))
		return;
	last_len = sides[OURS].outcome.len;
	memcpy(last, sides[OURS].outcome.bytes, last_len);
}

static void follow(const struct step *step)
{
	const struct outcome *ours = &sides[OURS].outcome, *theirs = &sides[THEIRS].outcome;
	bool both = ours->rv == CKR_OK && theirs->rv == CKR_OK;

	successes += both;
	if ((step->function->flags & MAKES) && both)
		keep_object(ours->made, theirs->made, makes_alike(step));
	if ((step->function->flags & OUTPUT) && both)
		keep_output(step);
	if ((step->function->flags & CLOSES) && both)
		open_pair(step->session);
	else if ((ours->rv == CKR_OK) != (theirs->rv == CKR_OK) ||
		 (step->function->flags & FINDS && !both))
		reopen(step->session);
	else
		follow_operation(step, both);
}

/* An operation that has begun goes on more often than chance would have it. */
static void choose_function(struct step *step)
{
	bool go_on = going[step->session] != NONE && draw_chance(75);

	for (int i = 0; i < TRIES; i++) {
		step->function = &lockstep_functions[draw_below(lockstep_functions_count)];
		if (!go_on || step->function->kind == going[step->session])
			return;
	}
}

static void draw_step(struct step *step)
{
	draw_arguments(&step->draw);
	step->session = draw_below(SESSIONS);
	choose_function(step);
	/* The key pairs stay as they are, for the next seed too. */
	step->object = step->function->flags & CHANGES ? PAIRS + draw_below(OBJECTS - PAIRS)
						       : draw_below(OBJECTS);
	step->other = draw_below(OBJECTS);
	if (draw_chance(20) && last_len > 0) {
		step->draw.data = last;
		step->draw.len = last_len;
	}
	step->draw.last = last;
	step->draw.last_len = last_len;
	for (size_t i = 0; i < SIDES; i++)
		step->names[i] = (struct names){ sessions[step->session].handle[i],
			objects[step->object].handle[i], objects[step->other].handle[i] };
}

/* Theirs is spared a key of another type than the mechanism's: SoftHSM2 crashes on some. */
static void run(struct step *step)
{
	for (size_t i = 0; i < SIDES; i++) {
		struct outcome *out = &sides[i].outcome;

		out->len = step->draw.room;
		out->made = CK_INVALID_HANDLE;
		if (i == THEIRS && sides[OURS].outcome.rv == CKR_KEY_TYPE_INCONSISTENT)
			out->rv = CKR_KEY_TYPE_INCONSISTENT;
		else
			out->rv = step->function->run(
				step->function, sides[i].p11, &step->names[i], &step->draw, out);
	}
}

static void load(size_t side, const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get;
	CK_SLOT_ID slots[8];
	CK_ULONG count = ARRAY_LEN(slots);

	must(library ? CKR_OK : CKR_GENERAL_ERROR, path);
	*(void **)&get = dlsym(library, "C_GetFunctionList");
	must(get(&sides[side].p11), "C_GetFunctionList");
	must(sides[side].p11->C_Initialize(NULL), "C_Initialize");
	must(sides[side].p11->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
	sides[side].slot = slots[0];
}

/* The first session of each is never closed: SoftHSM2 renames all objects after the last one. */
static CK_SESSION_HANDLE log_in(size_t side, char *pin)
{
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;

	must(sides[side].p11->C_OpenSession(
		     sides[side].slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
		"C_OpenSession");
	must(sides[side].p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)),
		"C_Login");
	return session;
}

/* Key pairs 01 and 02, which both tokens have. */
static void find_pairs(size_t side, CK_SESSION_HANDLE session)
{
	for (size_t i = 0; i < PAIRS; i++) {
		CK_BYTE id = (CK_BYTE)(1 + i / 2);
		CK_OBJECT_CLASS class = i % 2 ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY;
		CK_ATTRIBUTE template[] = { { CKA_ID, &id, 1 },
			{ CKA_CLASS, &class, sizeof(class) } };
		CK_ULONG count = 0;

		must(sides[side].p11->C_FindObjectsInit(session, template, 2), "a key pair");
		must(sides[side].p11->C_FindObjects(session, &objects[i].handle[side], 1, &count),
			"a key pair");
		must(sides[side].p11->C_FindObjectsFinal(session), "a key pair");
		must(count == 1 ? CKR_OK : CKR_KEY_NEEDED, "a key pair");
		objects[i].alike = true;
	}
}

static void make_objects(const CK_SESSION_HANDLE *first)
{
	for (size_t i = PAIRS; i < OBJECTS; i++) {
		struct draw draw;

		draw_object(&draw);
		for (size_t side = 0; side < SIDES; side++)
			must(sides[side].p11->C_CreateObject(first[side], draw.template,
				     draw.template_count, &objects[i].handle[side]),
				"C_CreateObject");
		objects[i].alike = true;
	}
}

static void begin(char **paths, char *pin)
{
	CK_SESSION_HANDLE first[SIDES];

	for (size_t side = 0; side < SIDES; side++) {
		load(side, paths[side]);
		first[side] = log_in(side, pin);
		find_pairs(side, first[side]);
	}
	make_objects(first);
	for (size_t i = 0; i < SESSIONS; i++)
		open_pair(i);
}

int main(int argc, char **argv)
{
	struct step step = { 0 };

	if (argc != 6) {
		(void)fprintf(stderr, "usage: lockstep OURS THEIRS PIN SEED CALLS\n");
		return 2;
	}
	unsigned long calls = strtoul(argv[5], NULL, 0);

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	draw_seed(strtoull(argv[4], NULL, 0));
	begin(&argv[1], argv[3]);
	for (unsigned long i = 0; i < calls && faults < FAULTS_MAX; i++) {
		draw_step(&step);
		run(&step);
		compare(&step);
		follow(&step);
	}
	(void)printf("%lu calls, %zu done by both, %zu differences, seed %s\n", calls, successes,
		faults, argv[4]);
	return faults == 0 && successes > calls / 20 ? 0 : 1;
}
