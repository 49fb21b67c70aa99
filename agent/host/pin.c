/* SPDX-License-Identifier: Apache-2.0 */
/* The PINs of a token while they are needed, in locked memory, and the slow check of a further
 * client's PIN. */
#include "pin.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "log.h"

/* scrypt with 16 MiB: 50 to 100 ms on machines of the day, so that guessing through the host is
 * slow. */
enum { SCRYPT_N = 16384, SCRYPT_R = 8, SCRYPT_P = 2, SCRYPT_MEMORY_MAX = 64 * 1024 * 1024 };

struct pins *pins_new(void)
{
	void *memory = mmap(NULL, sizeof(struct pins), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (mlock(memory, sizeof(struct pins)) != 0)
		log_warn("pin: memory cannot be locked, raise LimitMEMLOCK");
	(void)madvise(memory, sizeof(struct pins), MADV_DONTDUMP);
	struct pins *pins = memory;

	(void)pthread_mutex_init(&pins->lock, NULL);
	(void)pthread_mutex_init(&pins->check, NULL);
	(void)pthread_mutex_init(&pins->login, NULL);
	return pins;
}

void pins_free(struct pins *pins)
{
	if (!pins)
		return;
	explicit_bzero(pins, sizeof(*pins));
	(void)munmap(pins, sizeof(*pins));
}

static void set_or_forget(struct secret *secret, struct bytes pin)
{
	if (!pin.data)
		secret_wipe(secret);
	else
		(void)secret_set(secret, pin);
}

void pins_set_user(struct pins *pins, struct bytes pin)
{
	(void)pthread_mutex_lock(&pins->lock);
	set_or_forget(&pins->user, pin);
	(void)pthread_mutex_unlock(&pins->lock);
}

static struct secret *kept(struct pins *pins, CK_USER_TYPE user)
{
	return user == CKU_SO ? &pins->kept_so : &pins->kept_user;
}

void pins_set_kept(struct pins *pins, CK_USER_TYPE user, struct bytes pin)
{
	(void)pthread_mutex_lock(&pins->lock);
	set_or_forget(kept(pins, user), pin);
	(void)pthread_mutex_unlock(&pins->lock);
}

static bool copy(struct pins *pins, const struct secret *from, struct secret *out)
{
	(void)pthread_mutex_lock(&pins->lock);
	bool present = from->present;

	if (present)
		*out = *from;
	(void)pthread_mutex_unlock(&pins->lock);
	return present;
}

bool pins_copy_user(struct pins *pins, struct secret *out)
{
	return copy(pins, &pins->user, out);
}

bool pins_copy_kept(struct pins *pins, CK_USER_TYPE user, struct secret *out)
{
	return copy(pins, kept(pins, user), out);
}

bool pins_has_kept(struct pins *pins, CK_USER_TYPE user)
{
	(void)pthread_mutex_lock(&pins->lock);
	bool present = kept(pins, user)->present;

	(void)pthread_mutex_unlock(&pins->lock);
	return present;
}

static bool slow_hash(struct bytes pin, const uint8_t *salt, uint8_t *hash)
{
	return EVP_PBE_scrypt((const char *)pin.data, pin.len, salt, PIN_SALT_LEN, SCRYPT_N,
		       SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY_MAX, hash, PIN_HASH_LEN) == 1;
}

/* The PIN is known, so it is compared itself; the hash is the price of an answer, right or wrong.
 */
CK_RV pins_check_user(struct pins *pins, struct bytes pin)
{
	uint8_t salt[PIN_SALT_LEN], hash[PIN_HASH_LEN];
	struct secret known = { 0 };

	if (!pins_copy_user(pins, &known))
		return CKR_USER_NOT_LOGGED_IN;
	bool paid = RAND_bytes(salt, sizeof(salt)) == 1 && slow_hash(pin, salt, hash);
	CK_RV rv = secret_equal(&known, pin) ? CKR_OK : CKR_PIN_INCORRECT;

	explicit_bzero(hash, sizeof(hash));
	secret_wipe(&known);
	return paid ? rv : CKR_FUNCTION_FAILED;
}
