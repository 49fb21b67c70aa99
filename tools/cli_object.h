/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of a token: found by class and CKA_ID, their attributes read with a bound. */
#ifndef IOTHSM_CLI_OBJECT_H
#define IOTHSM_CLI_OBJECT_H

#include "bytes.h"
#include "cli.h"

enum { CLI_OBJECT_ID_MAX = 64, CLI_OBJECT_LIST_MAX = 4096, CLI_OBJECT_VALUE_MAX = 256 * 1024 };

struct cli_session {
	struct cli *cli;
	CK_SESSION_HANDLE handle;
};

struct cli_objects {
	CK_OBJECT_HANDLE *list; /* freed by the caller */
	CK_ULONG count;
};

/* For CLEANUP(objects). */
void cleanup_objects(struct cli_objects *objects);

/* The bytes of --id (hex, colons allowed, as pkcs11-tool); says what is wrong. */
CK_RV cli_object_id(struct cli *cli, uint8_t id[CLI_OBJECT_ID_MAX], size_t *len);
bool cli_object_parse_id(const char *text, uint8_t id[CLI_OBJECT_ID_MAX], size_t *len);

/* All objects that match a template; says what failed. */
CK_RV cli_object_find(struct cli_session *session, CK_ATTRIBUTE *template, CK_ULONG count,
	struct cli_objects *objects);

/* All objects of a class, with this CKA_ID unless id.data is NULL. */
CK_RV cli_object_find_class(struct cli_session *session, CK_OBJECT_CLASS class, struct bytes id,
	struct cli_objects *objects);

/* The one private key with the id of --id; refuses none and several. */
CK_RV cli_object_private_key(struct cli_session *session, CK_OBJECT_HANDLE *key);

/* One attribute, with a NUL behind it, freed by the caller; silent: the caller judges a missing
 * one. */
CK_RV cli_object_read(struct cli_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
	uint8_t **value, size_t *len);

/* A number or truth value; fallback when the object has no such attribute. */
CK_ULONG cli_object_number(struct cli_session *session, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE_TYPE type, CK_ULONG fallback);

#endif
