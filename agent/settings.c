/* SPDX-License-Identifier: Apache-2.0 */
/* agent.conf as the agent uses it: read by libconfuse, every value checked where it stands. */
#include "settings.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <confuse.h>

#include "link.h"
#include "log.h"
#include "settings_check.h"

#define SETTINGS_SOCKET "/run/iothsm/agent.sock"
#define SETTINGS_STATE  "/var/lib/iothsm/agent"

static void texts_free(struct settings_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		free(texts->items[i]);
	free(texts->items);
}

void settings_free(struct settings *settings)
{
	if (!settings)
		return;
	for (size_t i = 0; i < settings->backend_count; i++) {
		free(settings->backends[i].name);
		free(settings->backends[i].type);
		free(settings->backends[i].module);
		texts_free(&settings->backends[i].env);
	}
	for (size_t i = 0; i < settings->token_count; i++) {
		free(settings->tokens[i].serial);
		free(settings->tokens[i].pin_file);
		free(settings->tokens[i].so_pin_file);
		free(settings->tokens[i].pin_users.items);
	}
	for (size_t i = 0; i < settings->rights_count; i++) {
		free(settings->rights[i].name);
		free(settings->rights[i].users.items);
		free(settings->rights[i].groups.items);
		texts_free(&settings->rights[i].tokens);
	}
	free(settings->backends);
	free(settings->tokens);
	free(settings->rights);
	free(settings->pin_users.items);
	free(settings->socket);
	free(settings->state);
	free(settings->libexec);
	free(settings);
}

/* A copy of an optional value; *text stays NULL when it is not set. */
static bool copy_text(char **text, cfg_t *section, const char *key)
{
	const char *value = cfg_getstr(section, key);

	if (!value)
		return true;
	*text = strdup(value);
	return *text != NULL;
}

static bool copy_texts(struct settings_texts *texts, cfg_t *section, const char *key)
{
	size_t count = cfg_size(section, key);

	texts->items = calloc(count + 1, sizeof(*texts->items));
	for (size_t i = 0; texts->items && i < count; i++) {
		texts->items[i] = strdup(cfg_getnstr(section, key, (unsigned)i));
		if (!texts->items[i])
			return false;
		texts->count++;
	}
	return texts->items != NULL;
}

/* What the check of the file let through without an id (a user of pin_users) is left out. */
static bool copy_ids(struct settings_ids *ids, cfg_t *section, const char *key,
	bool (*find)(const char *name, uint32_t *id))
{
	size_t count = cfg_size(section, key);

	ids->items = calloc(count + 1, sizeof(*ids->items));
	for (size_t i = 0; ids->items && i < count; i++) {
		if (find(cfg_getnstr(section, key, (unsigned)i), &ids->items[ids->count]))
			ids->count++;
	}
	return ids->items != NULL;
}

/* Root, the bridge and the agent itself. */
static bool default_pin_users(struct settings_ids *ids)
{
	ids->items = calloc(3, sizeof(*ids->items));
	if (!ids->items)
		return false;
	ids->items[ids->count++] = 0;
	ids->items[ids->count++] = geteuid();
	if (settings_find_user("iothsm-bridge", &ids->items[ids->count]))
		ids->count++;
	return true;
}

static bool copy_backend(struct settings_backend *backend, cfg_t *section)
{
	backend->name = strdup(cfg_title(section));
	backend->serial = strcmp(cfg_getstr(section, "threads"), "serial") == 0;
	return backend->name && copy_text(&backend->type, section, "type") &&
	       copy_text(&backend->module, section, "module") &&
	       copy_texts(&backend->env, section, "env");
}

static bool copy_token(struct settings_token *token, cfg_t *section)
{
	bool named = (cfg_getopt(section, "pin_users")->flags & CFGF_MODIFIED) != 0;

	token->serial = strdup(cfg_title(section));
	return token->serial && copy_text(&token->pin_file, section, "pin_file") &&
	       copy_text(&token->so_pin_file, section, "so_pin_file") &&
	       (named ? copy_ids(&token->pin_users, section, "pin_users", settings_find_user)
		      : default_pin_users(&token->pin_users));
}

static bool copy_rights(struct settings_rights *rights, cfg_t *section)
{
	rights->name = strdup(cfg_title(section));
	for (unsigned i = 0; i < cfg_size(section, "allow"); i++)
		rights->allow |= settings_find_right(cfg_getnstr(section, "allow", i));
	return rights->name && copy_ids(&rights->users, section, "users", settings_find_user) &&
	       copy_ids(&rights->groups, section, "groups", settings_find_group) &&
	       copy_texts(&rights->tokens, section, "tokens");
}

static bool copy_sections(struct settings *settings, cfg_t *cfg)
{
	settings->backends = calloc(cfg_size(cfg, "backend") + 1, sizeof(*settings->backends));
	settings->tokens = calloc(cfg_size(cfg, "token") + 1, sizeof(*settings->tokens));
	settings->rights = calloc(cfg_size(cfg, "rights") + 1, sizeof(*settings->rights));
	if (!settings->backends || !settings->tokens || !settings->rights)
		return false;
	for (unsigned i = 0; i < cfg_size(cfg, "backend"); i++) {
		settings->backend_count++;
		if (!copy_backend(&settings->backends[i], cfg_getnsec(cfg, "backend", i)))
			return false;
	}
	for (unsigned i = 0; i < cfg_size(cfg, "token"); i++) {
		settings->token_count++;
		if (!copy_token(&settings->tokens[i], cfg_getnsec(cfg, "token", i)))
			return false;
	}
	for (unsigned i = 0; i < cfg_size(cfg, "rights"); i++) {
		settings->rights_count++;
		if (!copy_rights(&settings->rights[i], cfg_getnsec(cfg, "rights", i)))
			return false;
	}
	return true;
}

static struct settings *copy_all(cfg_t *cfg)
{
	struct settings *settings = calloc(1, sizeof(*settings));

	if (settings && copy_text(&settings->socket, cfg, "socket") &&
		copy_text(&settings->state, cfg, "state") &&
		copy_text(&settings->libexec, cfg, "libexec") &&
		default_pin_users(&settings->pin_users) && copy_sections(settings, cfg))
		return settings;
	log_error("agent: out of memory while reading the configuration");
	settings_free(settings);
	return NULL;
}

static void log_parse_error(cfg_t *cfg, const char *format, va_list arguments)
{
	char reason[512];

	(void)vsnprintf(reason, sizeof(reason), format, arguments);
	log_error("agent: %s:%d: %s", cfg && cfg->filename ? cfg->filename : "configuration",
		cfg ? cfg->line : 0, reason);
}

static struct settings *parse(cfg_t *cfg, const char *path)
{
	(void)cfg_set_error_function(cfg, log_parse_error);
	settings_check_install(cfg);
	switch (cfg_parse(cfg, path)) {
	case CFG_SUCCESS: return settings_check_whole(cfg) ? copy_all(cfg) : NULL;
	case CFG_FILE_ERROR:
		log_error("agent: cannot read the configuration, name another one by -c: %s: %s",
			path, strerror(errno));
		return NULL;
	default: return NULL;
	}
}

struct settings *settings_load(const char *path)
{
	static char default_socket[] = SETTINGS_SOCKET;
	static char default_state[] = SETTINGS_STATE;
	static char default_threads[] = "shared";
	static char default_module[] = "";
	cfg_opt_t backend[] = { CFG_STR("type", NULL, CFGF_NODEFAULT),
		CFG_STR("module", default_module, CFGF_NONE), CFG_STR_LIST("env", NULL, CFGF_NONE),
		CFG_STR("threads", default_threads, CFGF_NONE), CFG_END() };
	cfg_opt_t token[] = { CFG_STR("pin_file", NULL, CFGF_NODEFAULT),
		CFG_STR("so_pin_file", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("pin_users", NULL, CFGF_NONE), CFG_END() };
	cfg_opt_t rights[] = { CFG_STR_LIST("users", NULL, CFGF_NONE),
		CFG_STR_LIST("groups", NULL, CFGF_NONE), CFG_STR_LIST("tokens", NULL, CFGF_NONE),
		CFG_STR_LIST("allow", NULL, CFGF_NONE), CFG_END() };
	enum { SECTION = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES };
	cfg_opt_t all[] = { CFG_STR("socket", default_socket, CFGF_NONE),
		CFG_STR("state", default_state, CFGF_NONE),
		CFG_STR("libexec", NULL, CFGF_NODEFAULT), CFG_SEC("backend", backend, SECTION),
		CFG_SEC("token", token, SECTION), CFG_SEC("rights", rights, SECTION), CFG_END() };
	cfg_t *cfg = cfg_init(all, CFGF_NONE);

	if (!cfg) {
		log_error("agent: out of memory while reading the configuration");
		return NULL;
	}
	struct settings *settings = parse(cfg, path);

	(void)cfg_free(cfg);
	return settings;
}

const struct settings_token *settings_find_token(
	const struct settings *settings, const char *serial)
{
	for (size_t i = 0; i < settings->token_count; i++)
		if (strcmp(settings->tokens[i].serial, serial) == 0)
			return &settings->tokens[i];
	return NULL;
}

bool settings_ids_contain(const struct settings_ids *ids, uint32_t id)
{
	for (size_t i = 0; i < ids->count; i++)
		if (ids->items[i] == id)
			return true;
	return false;
}
