/* SPDX-License-Identifier: Apache-2.0 */
/* What a key may sign: the blocks of policy.conf, and the verdict on one signature. */
#ifndef IOTHSM_POLICY_H
#define IOTHSM_POLICY_H

#include <openssl/x509v3.h>

#include <iothsm/pkcs11-3.2.h>

#include "signed.h"

enum { POLICY_KEYS_MAX = 1024, POLICY_USAGES_MAX = 32, POLICY_REASON_MAX = 256 };

/* One block; what is not limited is -1, NULL or 0. */
struct policy_key {
	uint8_t spki[SIGNED_SPKI_LEN];
	unsigned classes;                       /* 1 << enum signed_class */
	bool observe;                           /* say what would be refused, and allow it */
	bool prehashed;                         /* raw mechanisms and other uses are allowed */
	long days;                              /* from notBefore to notAfter, both included */
	long path_length;                       /* of a CA certificate, which then has to say one */
	long rsa_bits;                          /* least size of a certified key */
	long ec_bits;                           /* the same, Edwards curves included */
	long per_hour;                          /* signatures */
	unsigned hashes;                        /* 1 << POLICY_HASH_… */
	time_t not_after;                       /* of a certificate */
	ASN1_OBJECT *usages[POLICY_USAGES_MAX]; /* extended key usages, in any mix */
	size_t usage_count;
	NAME_CONSTRAINTS *names;
};

enum { POLICY_HASH_SHA224, POLICY_HASH_SHA256, POLICY_HASH_SHA384, POLICY_HASH_SHA512 };

struct policy {
	struct policy_key *keys; /* in the order of their hashes */
	size_t count;
};

struct policy_verdict {
	enum signed_class class;
	bool refused; /* whatever observe says */
	char reason[POLICY_REASON_MAX];
};

void policy_free(struct policy *policy);

/* NULL when the key is under no policy. */
const struct policy_key *policy_find(
	const struct policy *policy, const uint8_t spki[SIGNED_SPKI_LEN]);

/* Whether any block refuses something. */
bool policy_is_enforced(const struct policy *policy);

/* Whether the token host sees the whole of what this mechanism signs. */
bool policy_sees_all(const CK_MECHANISM *mechanism);

/* On the whole to-be-signed bytes; the rate is not considered. */
void policy_judge(const struct policy_key *key, const CK_MECHANISM *mechanism, struct bytes input,
	struct policy_verdict *verdict);

/* "sha256"…; -1 for any other. */
int policy_hash_find(const char *name);

#endif
