/* SPDX-License-Identifier: Apache-2.0 */
/* One object of the store: its attributes, their rules and their file format. */
#ifndef IOTHSM_STORE_OBJECT_H
#define IOTHSM_STORE_OBJECT_H

#include "store.h"

enum { STORE_ATTRIBUTES_MAX = 64, STORE_FILE_MAX = STORE_OBJECT_MAX + 4096 };

struct store_object {
	uint64_t id;
	CK_ULONG count;
	CK_ATTRIBUTE list[STORE_ATTRIBUTES_MAX]; /* the values are the object's own */
};

/* A copy of the attributes, completed as store_put() says; id is still 0. */
CK_RV store_object_new(
	const CK_ATTRIBUTE *attributes, CK_ULONG count, struct store_object **object);
void store_object_free(struct store_object *object);

/* The content of its file, freed by the caller. */
CK_RV store_object_encode(const struct store_object *object, uint8_t **content, size_t *len);

/* NULL for what is damaged or names another id. */
struct store_object *store_object_decode(struct bytes content, uint64_t id);

bool store_object_matches(
	const struct store_object *object, const CK_ATTRIBUTE *attributes, CK_ULONG count);

/* As C_GetAttributeValue. */
CK_RV store_object_get(const struct store_object *object, CK_ATTRIBUTE *attributes, CK_ULONG count);

#endif
