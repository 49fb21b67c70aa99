/* SPDX-License-Identifier: Apache-2.0 */
/* Hashed signature mechanisms that the backend lacks: the host hashes, the backend signs the
 * digest. */
#ifndef IOTHSM_HASHED_H
#define IOTHSM_HASHED_H

#include <iothsm/pkcs11-3.2.h>
#include <openssl/evp.h>

#include "bytes.h"

enum { HASHED_FORMS_MAX = 12, HASHED_INPUT_MAX = 128 };

struct hashed_form {
	CK_MECHANISM_TYPE type, base;
	CK_MECHANISM_TYPE digest; /* what CK_RSA_PKCS_PSS_PARAMS.hashAlg has to name */
	const char *name;         /* of OpenSSL */
	const uint8_t *prefix;    /* of a PKCS#1 DigestInfo, NULL for none */
	size_t prefix_len;
};

/* One running signature or verification of a hashed form; the raw one is active in the native
 * session. */
struct hashed {
	const struct hashed_form *form; /* NULL: none */
	EVP_MD_CTX *context;            /* from the first part on */
	bool finished;
	uint8_t input[HASHED_INPUT_MAX]; /* what the raw mechanism takes */
	size_t input_len;
};

/* The forms in the order in which they are listed; NULL behind the last. */
const struct hashed_form *hashed_form_at(size_t index);
const struct hashed_form *hashed_form_of(CK_MECHANISM_TYPE type);

/* The raw mechanism to start natively; CKR_MECHANISM_PARAM_INVALID when a PSS parameter names
 * another hash. */
CK_RV hashed_raw_mechanism(
	const struct hashed_form *form, const CK_MECHANISM *mechanism, CK_MECHANISM *raw);

/* Info of a form from that of its base. */
CK_MECHANISM_INFO hashed_info(const struct hashed_form *form, CK_MECHANISM_INFO base);

void hashed_begin(struct hashed *hashed, const struct hashed_form *form);
CK_RV hashed_update(struct hashed *hashed, struct bytes part);

/* The input of the raw mechanism for a whole message, or for the parts so far when whole is NULL.
 */
CK_RV hashed_finish(struct hashed *hashed, const struct bytes *whole, struct bytes *input);
void hashed_end(struct hashed *hashed);

#endif
