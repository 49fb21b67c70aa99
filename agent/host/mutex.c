/* SPDX-License-Identifier: Apache-2.0 */
/* Mutex callbacks for the backend's C_Initialize: a short spin, then block. */
#include "mutex.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* Longer than the critical sections of SoftHSM2 on average, shorter than a sleep and a wake-up. */
enum { SPIN_NS = 40000, SPIN_ROUND = 32 };

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static bool try_for_a_while(pthread_mutex_t *mutex)
{
	int64_t end = now_ns() + SPIN_NS;

	do {
		for (int i = 0; i < SPIN_ROUND; i++) {
			pause_briefly();
			if (pthread_mutex_trylock(mutex) == 0)
				return true;
		}
	} while (now_ns() < end);
	return false;
}

CK_RV mutex_create(void **mutex)
{
	pthread_mutex_t *made = malloc(sizeof(*made));

	if (!made)
		return CKR_HOST_MEMORY;
	if (pthread_mutex_init(made, NULL) != 0) {
		free(made);
		return CKR_GENERAL_ERROR;
	}
	*mutex = made;
	return CKR_OK;
}

CK_RV mutex_destroy(void *mutex)
{
	if (!mutex)
		return CKR_ARGUMENTS_BAD;
	(void)pthread_mutex_destroy(mutex);
	free(mutex);
	return CKR_OK;
}

CK_RV mutex_lock(void *mutex)
{
	if (!mutex)
		return CKR_ARGUMENTS_BAD;
	if (pthread_mutex_trylock(mutex) == 0 || try_for_a_while(mutex))
		return CKR_OK;
	return pthread_mutex_lock(mutex) == 0 ? CKR_OK : CKR_GENERAL_ERROR;
}

CK_RV mutex_unlock(void *mutex)
{
	if (!mutex)
		return CKR_ARGUMENTS_BAD;
	return pthread_mutex_unlock(mutex) == 0 ? CKR_OK : CKR_MUTEX_NOT_LOCKED;
}
