/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the module is in use: C_Initialize, C_Finalize and what a fork leaves behind. */
#include "library.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "connection.h"
#include "session.h"
#include "slot.h"
#include "spin.h"
#include "wait.h"

static atomic_bool started;
static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static bool fork_is_watched;
static atomic_uint_least64_t generation;

/* Other threads of the parent may have held any lock; the child starts from nothing and sends
 * nothing. */
static void forget_parent(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

	atomic_store(&started, false);
	memcpy(&start_lock, &fresh, sizeof(start_lock));
	connection_forget_all();
	session_forget_parent();
	slot_forget_parent();
	wait_forget_parent();
	spin_forget_parent();
}

CK_RV library_check(void)
{
	return atomic_load_explicit(&started, memory_order_acquire) ? CKR_OK
								    : CKR_CRYPTOKI_NOT_INITIALIZED;
}

uint64_t library_generation(void)
{
	return atomic_load(&generation);
}

static CK_RV start_locked(void)
{
	if (atomic_load(&started))
		return CKR_CRYPTOKI_ALREADY_INITIALIZED;
	if (!fork_is_watched && pthread_atfork(NULL, NULL, forget_parent) != 0)
		return CKR_HOST_MEMORY;
	fork_is_watched = true;
	connection_open_all();
	atomic_fetch_add(&generation, 1);
	atomic_store(&started, true);
	return CKR_OK;
}

CK_RV library_start(void)
{
	(void)pthread_mutex_lock(&start_lock);
	CK_RV rv = start_locked();

	(void)pthread_mutex_unlock(&start_lock);
	return rv;
}

static CK_RV stop_locked(void)
{
	if (!atomic_exchange(&started, false))
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	/* End of file on the control connection tells the agent to end everything of ours. */
	connection_close_all();
	session_forget_all();
	slot_forget_all();
	return CKR_OK;
}

CK_RV library_stop(void)
{
	(void)pthread_mutex_lock(&start_lock);
	CK_RV rv = stop_locked();

	(void)pthread_mutex_unlock(&start_lock);
	return rv;
}

void library_debug(const char *format, ...)
{
	char line[256];
	va_list arguments;

	if (!secure_getenv("IOTHSM_DEBUG"))
		return;
	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	(void)fprintf(stderr, "iothsm-pkcs11: %s\n", line);
}

void library_pad(CK_UTF8CHAR *field, size_t len, const char *text)
{
	size_t used = strnlen(text, len);

	memcpy(field, text, used);
	memset(field + used, ' ', len - used);
}
