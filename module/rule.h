/* SPDX-License-Identifier: Apache-2.0 */
/* What the module has to know of each function before it travels. */
#ifndef IOTHSM_RULE_H
#define IOTHSM_RULE_H

#include "session.h"

enum {
	RULE_SLOT = 1 << 0,   /* handle is a slot, not a session */
	RULE_RESEND = 1 << 1, /* changes nothing: may travel again when its answer was lost */
	RULE_SLOW = 1 << 2,   /* may take minutes */
	RULE_PIN = 1 << 3,    /* carries a PIN */
	RULE_ABSENT = 1 << 4, /* an agent out of reach means: no token */
	RULE_PART = 1 << 5,  /* continues operations: the error of an Init that waited is its own */
	RULE_ONCE = 1 << 6,  /* the whole operation: an Init that waited travels with it */
	RULE_FINAL = 1 << 7, /* ends an operation */
	RULE_OUTPUT = 1 << 8, /* without room it asks for a length, and ends nothing */
	RULE_HASTY = 1 << 9,  /* not worth waiting for an agent that is away */
	RULE_PURE =
		1 << 10 /* with its Init along it says the same again: RULE_RESEND for that case */
};

struct rule {
	unsigned int flags;
	enum operation_kind kind;
};

struct rule rule_of(Function function);

#endif
