/* SPDX-License-Identifier: Apache-2.0 */
/* What the record says of a private key, read from the token. */
#ifndef IOTHSM_RECORD_KEY_H
#define IOTHSM_RECORD_KEY_H

#include <limits.h>

#include "object.h"
#include "provision.h"

enum { RECORD_KEY_TEXT_MAX = 512 };

struct record_key {
	CK_OBJECT_HANDLE handle;         /* the client's */
	bool is_ca;                      /* the token has a CA certificate of it */
	char hash[65];                   /* SHA-256 of SubjectPublicKeyInfo; empty: not known */
	char id[2 * 64 + 1];             /* CKA_ID, its beginning */
	char label[RECORD_KEY_TEXT_MAX]; /* escaped unless it is UTF-8 */
};

CK_RV record_key_read(const struct provision_token *token, const struct object_view *view,
	struct record_key *key);

/* directory/<backend>-<serial> with what is no letter, digit, - or _ as %xx; false: too long. */
bool record_key_path(
	const char *directory, const char *backend, const char *serial, char path[PATH_MAX]);

#endif
