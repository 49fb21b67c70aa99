/* SPDX-License-Identifier: Apache-2.0 */
/* Objects that a token cannot keep itself (requests, chain, history): kept by the agent, one
 * directory a token. */
#ifndef IOTHSM_STORE_H
#define IOTHSM_STORE_H

#include <iothsm/pkcs11-3.2.h>

#include "bytes.h"

enum { STORE_OBJECTS_MAX = 1024, STORE_OBJECT_MAX = 256 * 1024 };

struct store; /* thread-safe: it has a lock of its own */

/* directory/backend/serial, made when the first object is put. NULL when out of memory or
 * unreadable. */
struct store *store_open(const char *directory, const char *backend, const char *serial);
void store_close(struct store *store);

/*
 * Writes one object atomically. CKA_TOKEN true, CKA_PRIVATE false, CKA_MODIFIABLE false and
 * CKA_DESTROYABLE true are added where absent. *id (never 0) names it for the life of the object
 * and over restarts. CKR_IOTHSM_STORE_FULL, CKR_HOST_MEMORY, CKR_TEMPLATE_INCONSISTENT.
 */
CK_RV store_put(struct store *store, const CK_ATTRIBUTE *attributes, CK_ULONG count, uint64_t *id);

/* CKR_OBJECT_HANDLE_INVALID when there is no such object. */
CK_RV store_remove(struct store *store, uint64_t id);

/* Ids of the objects that match the template (all when count is 0), oldest first; *found is at most
 * max. */
CK_RV store_find(struct store *store, const CK_ATTRIBUTE *attributes, CK_ULONG count, uint64_t *ids,
	size_t max, size_t *found);

/* As C_GetAttributeValue, CKR_ATTRIBUTE_TYPE_INVALID and CKR_BUFFER_TOO_SMALL included. */
CK_RV store_get(struct store *store, uint64_t id, CK_ATTRIBUTE *attributes, CK_ULONG count);

#endif
