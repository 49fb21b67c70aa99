/* SPDX-License-Identifier: Apache-2.0 */
/* The PINs of a token while they are needed, in locked memory, and the slow check of a further
 * client's PIN. */
#ifndef IOTHSM_PIN_H
#define IOTHSM_PIN_H

#include <iothsm/pkcs11-3.2.h>
#include <pthread.h>

#include "secret.h"

enum { PIN_SALT_LEN = 16, PIN_HASH_LEN = 32 };

struct pins {
	pthread_mutex_t lock;  /* guards the secrets */
	pthread_mutex_t check; /* one check at a time: tries in parallel are counted like others */
	pthread_mutex_t login; /* one user login at a time; taken before the gate */
	struct secret user;    /* while a client is logged in */
	struct secret kept_user, kept_so;
};

struct pins *pins_new(void); /* in locked memory; NULL when there is none */
void pins_free(struct pins *pins);

/* Absent bytes forget it. */
void pins_set_user(struct pins *pins, struct bytes pin);
void pins_set_kept(struct pins *pins, CK_USER_TYPE user, struct bytes pin);
bool pins_copy_user(struct pins *pins, struct secret *out); /* false: none is known */
bool pins_copy_kept(struct pins *pins, CK_USER_TYPE user, struct secret *out);
bool pins_has_kept(struct pins *pins, CK_USER_TYPE user);

/*
 * Whether this is the user PIN of the logged-in token, by a hash of at least 50 ms. CKR_OK,
 * CKR_PIN_INCORRECT, CKR_USER_NOT_LOGGED_IN when none is known, CKR_FUNCTION_FAILED.
 */
CK_RV pins_check_user(struct pins *pins, struct bytes pin);

#endif
