/* SPDX-License-Identifier: Apache-2.0 */
/* agent.conf as the agent uses it: checked, with users and groups as numbers. */
#ifndef IOTHSM_SETTINGS_H
#define IOTHSM_SETTINGS_H

#include <iothsm/iothsm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SETTINGS_BACKENDS_MAX = 32, SETTINGS_FILE_MAX = 1024 * 1024 };

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
	bool serial;
	struct settings_texts env; /* NAME=value */
};

struct settings_token {
	char *serial;
	char *pin_file;    /* NULL: none */
	char *so_pin_file; /* NULL: none */
	struct settings_ids pin_users;
};

struct settings_rights {
	char *name;
	struct settings_ids users, groups; /* both empty: everyone */
	struct settings_texts tokens;      /* serials; empty: all */
	CK_FLAGS allow;
};

struct settings {
	char *socket;
	char *state;
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
	const struct settings *settings, const char *serial);

bool settings_ids_contain(const struct settings_ids *ids, uint32_t id);

#endif
