/* SPDX-License-Identifier: Apache-2.0 */
/* agent.conf as the agent uses it: checked, with users and groups as numbers. */
#ifndef IOTHSM_SETTINGS_H
#define IOTHSM_SETTINGS_H

#include <iothsm/iothsm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "token_match.h"

enum {
	SETTINGS_BACKENDS_MAX = 32,
	SETTINGS_FILE_MAX = 1024 * 1024,
	SETTINGS_MEMORY_MIB = 256,
	SETTINGS_MEMORY_MIB_MIN = 64,
	SETTINGS_MEMORY_MIB_MAX = 1024 * 1024,
	SETTINGS_CALL_SECONDS_MAX = 50 /* shorter than the module waits: the host answers first */
};

struct settings_texts {
	char **items;
	size_t count;
};

/* Of users or of groups. */
struct settings_ids {
	uint32_t *items;
	size_t count;
};

struct settings_backend {
	char *name;
	char *type;
	char *module; /* empty: the backend needs none */
	char *watch;  /* a directory or "none"; empty: found by the host */
	bool serial;
	enum record_mode record;   /* of tokens that do not say otherwise */
	uint32_t busy_poll_us;     /* 0: waiting calls sleep */
	int64_t call_ms;           /* after so long a call of the library counts as hanging */
	size_t memory;             /* bytes that calls may take */
	struct settings_texts env; /* NAME=value */
};

struct settings_token {
	char *serial;
	char *backend;     /* NULL: whichever lists a token of this serial */
	char *pin_file;    /* NULL: none */
	char *so_pin_file; /* NULL: none */
	struct settings_ids pin_users;
	bool has_record;
	enum record_mode record;
};

struct settings_rights {
	char *name;
	struct settings_ids users, groups; /* both empty: everyone */
	struct token_match *tokens;
	size_t token_count; /* 0: all, and the agent as a whole */
	CK_FLAGS allow;
	struct link_mechanisms mechanisms;
};

struct settings {
	char *socket;
	char *state;
	char *policy;
	char *libexec; /* NULL: found by the agent */
	struct settings_backend *backends;
	size_t backend_count;
	struct settings_token *tokens;
	size_t token_count;
	struct settings_rights *rights;
	size_t rights_count;
	struct settings_ids pin_users; /* for tokens that agent.conf does not name */
};

/* NULL after the reason was logged with file, line and key. */
struct settings *settings_load(const char *path);

void settings_free(struct settings *settings);

/* NULL when agent.conf says nothing about the token. */
const struct settings_token *settings_find_token(
	const struct settings *settings, const struct token_name *token);

bool settings_ids_contain(const struct settings_ids *ids, uint32_t id);

#endif
