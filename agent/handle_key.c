/* SPDX-License-Identifier: Apache-2.0 */
/* The key of durable object handles, the same over restarts: programs go on with those they have.
 */
#include "handle_key.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "cleanup.h"
#include "file.h"
#include "log.h"

static bool read_key(uint8_t key[LINK_KEY_LEN], const char *path)
{
	size_t len = 0;
	CLEANUP(free) char *content = file_read(path, LINK_KEY_LEN, &len);

	if (!content || len != LINK_KEY_LEN)
		return false;
	memcpy(key, content, LINK_KEY_LEN);
	explicit_bzero(content, len);
	return true;
}

CK_RV handle_key_load(uint8_t key[LINK_KEY_LEN], const char *state)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/handle.key", state);
	if (read_key(key, path))
		return CKR_OK;
	if (getrandom(key, LINK_KEY_LEN, 0) != (ssize_t)LINK_KEY_LEN) {
		log_error("agent: no random numbers from the kernel: %s", strerror(errno));
		return CKR_GENERAL_ERROR;
	}
	if (!file_replace(path, bytes_of(key, LINK_KEY_LEN), 0600))
		log_warn("agent: object handles will change at the next start, make room in the "
			 "state directory: %s: %s",
			path, strerror(errno));
	return CKR_OK;
}
