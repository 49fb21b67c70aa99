/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of PKCS#11 with arguments by chance, the same for two libraries. */
#ifndef IOTHSM_LOCKSTEP_H
#define IOTHSM_LOCKSTEP_H

#include <iothsm/pkcs11-3.2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOCKSTEP_ATTRIBUTES = 8, LOCKSTEP_ROOM = 4096, LOCKSTEP_VALUE = 512, LOCKSTEP_FOUND = 256 };

struct draw {
	CK_MECHANISM mechanism;
	bool repeatable; /* the mechanism gives the same output for the same input */
	CK_ATTRIBUTE template[LOCKSTEP_ATTRIBUTES], query[LOCKSTEP_ATTRIBUTES];
	CK_ULONG template_count, query_count;
	CK_BYTE *data;
	CK_ULONG len, room;
	bool query_len; /* ask for the length */
	CK_BYTE *last;  /* an earlier output, for C_Verify */
	CK_ULONG last_len;
};

/* Handles, as one of the libraries names them. */
struct names {
	CK_ULONG session, object, other;
};

struct outcome {
	CK_RV rv;
	CK_ULONG len, made;
	CK_ATTRIBUTE values[LOCKSTEP_ATTRIBUTES];
	CK_OBJECT_HANDLE found[LOCKSTEP_FOUND];
	CK_BYTE bytes[LOCKSTEP_ROOM];
};

enum kind { NONE, ENCRYPT, DECRYPT, DIGEST, SIGN, VERIFY };
enum flag { BEGINS = 1, OUTPUT = 2, MAKES = 4, VALUES = 8, FINDS = 16, CLOSES = 32, CHANGES = 64 };

struct function {
	const char *name;
	CK_RV(*run)
	(const struct function *function, CK_FUNCTION_LIST *p11, const struct names *names,
		struct draw *draw, struct outcome *out);
	enum kind kind;
	unsigned int flags;
	size_t offset; /* of the pointer in CK_FUNCTION_LIST, where several have this form */
};

extern const struct function lockstep_functions[];
extern const size_t lockstep_functions_count;

void draw_seed(uint64_t seed);
size_t draw_below(size_t limit);
bool draw_chance(unsigned int percent);
void draw_arguments(struct draw *draw);

/* A template that makes an object of the same value in both libraries. */
void draw_object(struct draw *draw);

#endif
