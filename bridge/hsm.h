/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens behind the PKCS#11 module: which CA keys they hold, and signing with them from many
 * threads. */
#ifndef IOTHSM_HSM_H
#define IOTHSM_HSM_H

#include <iothsm/pkcs11-3.2.h>
#include <openssl/x509.h>

#include "config.h"
#include "key.h"

enum {
	HSM_TOKENS_MAX = 64,
	HSM_KEYS_MAX = 256,
	HSM_ID_MAX = 256,
	HSM_REASON_MAX = 160,
	HSM_INPUT_SIZE = 65
};

struct hsm;
struct hsm_key; /* a CA's private key: its token, CKA_ID and certificate */

/* Loads and initialises the module. config outlives it. */
CK_RV hsm_open(const struct config *config, struct hsm **hsm);
void hsm_close(struct hsm *hsm);

/* What a CA needs and a token does not hold. */
enum hsm_lack {
	HSM_LACKS_NOTHING,
	HSM_LACKS_KEY,         /* a certificate whose private key is not there */
	HSM_LACKS_CERTIFICATE, /* a private key without a certificate */
	HSM_LACKS_MATCH,       /* a certificate under the id of a private key that is another */
	HSM_LACKS_BOTH,        /* what was there is gone; never found by a scan */
};

/*
 * What a scan found: a private key and the certificate that stands for it, or what is left of such
 * a pair; all belongs to the scan.
 */
struct hsm_found {
	size_t token;
	struct bytes id;
	X509 *cert;               /* NULL with HSM_LACKS_CERTIFICATE */
	const EVP_PKEY *key_pair; /* the public half of the private key, NULL when that lacks */
	enum hsm_lack lack;
};
typedef void hsm_take(void *context, const struct hsm_found *found);

/*
 * Lists all tokens, logs in where that is possible and calls take for each CA key, and then for
 * what is incomplete. One thread at a time. A token that fails is marked and holds up no other; a
 * wrong PIN is not tried again unless it has changed or by_person is true and the PIN is kept
 * elsewhere.
 */
CK_RV hsm_scan(struct hsm *hsm, bool by_person, hsm_take *take, void *context);

/* The state of a token by its number, which never changes; false beyond the last. */
struct hsm_token_status {
	char serial[17];
	char label[33];
	bool present;
	bool answers;     /* nothing but its PIN may be wrong */
	bool pin_good;    /* logged in, or no login is needed */
	bool ready;       /* all of this, and the last scan of it succeeded */
	CK_RV failure;    /* of the last scan */
	int64_t seen_s;   /* when it last was present, 0: never */
	int64_t login_s;  /* when its login was last known to hold */
	int64_t ready_s;  /* when it was last known to be ready, */
	int64_t ready_ms; /* the same as uptime */
	char reason[HSM_REASON_MAX];
};
bool hsm_token_status(struct hsm *hsm, size_t token, struct hsm_token_status *status);

/* Asks each token that is ready whether it still is; false when one is not, so that a scan tells
 * why. By the thread that scans. */
bool hsm_check(struct hsm *hsm);

/* NULL when out of memory or with HSM_KEYS_MAX keys; lives as long as hsm. */
struct hsm_key *hsm_key_new(struct hsm *hsm, const struct hsm_found *found);

/* The same key was found on another token or under another id. */
void hsm_key_move(struct hsm_key *key, const struct hsm_found *found);
size_t hsm_key_token(struct hsm_key *key);

/* For key_new(); the calling thread must be between hsm_thread_begin() and hsm_thread_end(). */
struct key_signer hsm_key_signer(struct hsm_key *key);

/* Whether the token answers and has the key now: opens the thread's session and finds the key
 * again. */
CK_RV hsm_key_probe(struct hsm_key *key);

/* Gives the calling thread its own sessions, opened when first needed. */
CK_RV hsm_thread_begin(struct hsm *hsm);
void hsm_thread_end(void);

/* SHA-256 in hex of what this thread gave a key to sign last, then forgotten; empty: nothing. */
void hsm_thread_take_input(char input[HSM_INPUT_SIZE]);

/* A short text for the return values an operator meets. */
const char *hsm_describe(CK_RV rv);

#endif
