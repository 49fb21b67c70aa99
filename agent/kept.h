/* SPDX-License-Identifier: Apache-2.0 */
/* PINs that the agent keeps: named by agent.conf, or kept at run time in the state directory. */
#ifndef IOTHSM_KEPT_H
#define IOTHSM_KEPT_H

#include <limits.h>

#include "link.h"
#include "settings.h"

enum { KEPT_TOKENS_MAX = 1024, KEPT_BACKEND_LEN = 63 };

struct kept_token {
	char backend[KEPT_BACKEND_LEN + 1];
	char serial[LINK_SERIAL_LEN + 1];
	bool user, so;
};

/* What was kept at run time: managed.conf and one file a PIN, readable for the agent alone. */
struct kept {
	char state[PATH_MAX];
	struct kept_token *tokens; /* KEPT_TOKENS_MAX of them */
	size_t count;
};

/* Makes the directory of the PIN files and reads managed.conf; logs what failed. */
CK_RV kept_load(struct kept *kept, const char *state);
void kept_reset(struct kept *kept);

/*
 * Backend and serial say which token: another library that claims the serial gets no PIN. user:
 * CKU_USER or CKU_SO.
 */
bool kept_has(const struct kept *kept, const struct settings *settings,
	const struct token_name *token, CK_USER_TYPE user);

/* The PIN, what was kept at run time before what agent.conf names; logs a file that fails. */
bool kept_read(const struct kept *kept, const struct settings *settings,
	const struct token_name *token, CK_USER_TYPE user, struct secret *pin);

/* Both log what failed; in agent.conf nothing changes. */
CK_RV kept_store(struct kept *kept, const struct token_name *token, CK_USER_TYPE user,
	const struct secret *pin);
CK_RV kept_forget(struct kept *kept, const struct token_name *token, CK_USER_TYPE user);

#endif
