/* SPDX-License-Identifier: Apache-2.0 */
/* A SoftHSM2 token and an object store, lent for provisioning steps as the token host does it. */
#ifndef IOTHSM_TEST_LENT_H
#define IOTHSM_TEST_LENT_H

#include <openssl/x509.h>

#include "provision.h"
#include "support/softhsm.h"

struct lent {
	struct softhsm *softhsm;
	struct provision_token token;
};

/* cmocka group set-up and tear-down: *state becomes a struct lent. */
int lent_setup(void **state);
int lent_teardown(void **state);

/* cmocka set-up of one test: no object is left on token and store. */
int lent_clear(void **state);

/* A key pair with this id; the handle of its private half. */
CK_OBJECT_HANDLE lent_generate(const struct lent *lent, enum softhsm_key kind, CK_BYTE id);

/* The value of the only certificate with this id, parsed. */
X509 *lent_certificate(const struct lent *lent, CK_BYTE id);

/* The number of store objects with this CKA_APPLICATION; *id is the last one's. */
size_t lent_count_data(const struct lent *lent, const char *application, uint64_t *id);

/* Number of all objects of token and store. */
size_t lent_count_all(const struct lent *lent);

/* PREPARE_KEY as C_GenerateKeyPair: RSA of that size, or where bits is 0 on that curve. */
CK_RV lent_prepare(const struct lent *lent, struct bytes curve, CK_ULONG bits, CK_BYTE id,
	CK_OBJECT_HANDLE *private_key);

/* Runs a step; that there is a result exactly when it succeeds is checked. */
CK_RV lent_run(
	const struct lent *lent, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, struct bytes input);
CK_RV lent_run_cert(
	const struct lent *lent, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, const X509 *input);
CK_RV lent_self_sign(const struct lent *lent, CK_OBJECT_HANDLE key);

/* A certificate of the token's key by a CA of its own; *issuer, unless NULL, is that CA's. */
X509 *lent_sign_by_ca(const struct lent *lent, CK_OBJECT_HANDLE key, X509 **issuer);

/* The same token through lent_failing, a copy of its function list to be broken by the test. */
extern CK_FUNCTION_LIST lent_failing;
struct lent lent_with_failing(const struct lent *lent);

#endif
