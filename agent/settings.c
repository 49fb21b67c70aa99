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

#include "log.h"
#include "mechanism_name.h"
#include "right.h"
#include "settings_check.h"

#define SETTINGS_SOCKET "/run/iothsm/agent.sock"
#define SETTINGS_STATE  "/var/lib/iothsm/agent"
#define SETTINGS_POLICY "/etc/iothsm/policy.conf"

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
		free(settings->backends[i].watch);
		texts_free(&settings->backends[i].env);
	}
	for (size_t i = 0; i < settings->token_count; i++) {
		free(settings->tokens[i].serial);
		free(settings->tokens[i].backend);
		free(settings->tokens[i].pin_file);
		free(settings->tokens[i].so_pin_file);
		free(settings->tokens[i].pin_users.items);
	}
	for (size_t i = 0; i < settings->rights_count; i++) {
		free(settings->rights[i].name);
		free(settings->rights[i].users.items);
		free(settings->rights[i].groups.items);
		free(settings->rights[i].tokens);
	}
	free(settings->backends);
	free(settings->tokens);
	free(settings->rights);
	free(settings->pin_users.items);
	free(settings->socket);
	free(settings->state);
	free(settings->policy);
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
	(void)settings_find_record(cfg_getstr(section, "record"), &backend->record);
	backend->busy_poll_us = (uint32_t)cfg_getint(section, "busy_poll_us");
	backend->memory = (size_t)cfg_getint(section, "memory") * 1024 * 1024;
	backend->call_ms = cfg_getint(section, "call_timeout") * 1000;
	return backend->name && copy_text(&backend->type, section, "type") &&
	       copy_text(&backend->module, section, "module") &&
	       copy_text(&backend->watch, section, "watch") &&
	       copy_texts(&backend->env, section, "env");
}

static bool copy_token(struct settings_token *token, cfg_t *section)
{
	bool named = (cfg_getopt(section, "pin_users")->flags & CFGF_MODIFIED) != 0;

	const char *record = cfg_getstr(section, "record");

	token->serial = strdup(settings_check_serial(section));
	token->has_record = record && settings_find_record(record, &token->record);
	return token->serial && copy_text(&token->backend, section, "backend") &&
	       copy_text(&token->pin_file, section, "pin_file") &&
	       copy_text(&token->so_pin_file, section, "so_pin_file") &&
	       (named ? copy_ids(&token->pin_users, section, "pin_users", settings_find_user)
		      : default_pin_users(&token->pin_users));
}

static bool copy_matches(struct settings_rights *rights, cfg_t *section)
{
	unsigned count = cfg_size(section, "tokens");

	rights->tokens = calloc(count + 1UL, sizeof(*rights->tokens));
	if (!rights->tokens)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (token_match_parse(cfg_getnstr(section, "tokens", i),
			    &rights->tokens[rights->token_count]))
			rights->token_count++;
	return true;
}

/* An empty list allows none; only without a list all are. The check has bounded their number. */
static void copy_mechanisms(struct link_mechanisms *mechanisms, cfg_t *section)
{
	bool listed = (cfg_getopt(section, "mechanisms")->flags & CFGF_MODIFIED) != 0;

	mechanisms->count = listed ? 0 : LINK_MECHANISMS_ALL;
	for (unsigned i = 0; i < cfg_size(section, "mechanisms"); i++)
		if (mechanisms->count < LINK_MECHANISMS_MAX &&
			mechanism_name_find(cfg_getnstr(section, "mechanisms", i),
				&mechanisms->types[mechanisms->count]))
			mechanisms->count++;
}

static bool copy_rights(struct settings_rights *rights, cfg_t *section)
{
	rights->name = strdup(cfg_title(section));
	for (unsigned i = 0; i < cfg_size(section, "allow"); i++)
		rights->allow |= right_find(cfg_getnstr(section, "allow", i));
	copy_mechanisms(&rights->mechanisms, section);
	return rights->name && copy_ids(&rights->users, section, "users", settings_find_user) &&
	       copy_ids(&rights->groups, section, "groups", settings_find_group) &&
	       copy_matches(rights, section);
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
		copy_text(&settings->policy, cfg, "policy") &&
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
	static char default_policy[] = SETTINGS_POLICY;
	static char default_threads[] = "shared";
	static char default_module[] = "";
	static char default_watch[] = "";
	static char default_record[] = "policy";
	cfg_opt_t backend[] = { CFG_STR("type", NULL, CFGF_NODEFAULT),
		CFG_STR("module", default_module, CFGF_NONE), CFG_STR_LIST("env", NULL, CFGF_NONE),
		CFG_STR("watch", default_watch, CFGF_NONE),
		CFG_STR("threads", default_threads, CFGF_NONE),
		CFG_STR("record", default_record, CFGF_NONE), CFG_INT("busy_poll_us", 0, CFGF_NONE),
		CFG_INT("memory", SETTINGS_MEMORY_MIB, CFGF_NONE),
		CFG_INT("call_timeout", SETTINGS_CALL_SECONDS_MAX, CFGF_NONE), CFG_END() };
	cfg_opt_t token[] = { CFG_STR("serial", NULL, CFGF_NODEFAULT),
		CFG_STR("backend", NULL, CFGF_NODEFAULT), CFG_STR("pin_file", NULL, CFGF_NODEFAULT),
		CFG_STR("so_pin_file", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("pin_users", NULL, CFGF_NONE), CFG_STR("record", NULL, CFGF_NODEFAULT),
		CFG_END() };
	cfg_opt_t rights[] = { CFG_STR_LIST("users", NULL, CFGF_NONE),
		CFG_STR_LIST("groups", NULL, CFGF_NONE), CFG_STR_LIST("tokens", NULL, CFGF_NONE),
		CFG_STR_LIST("allow", NULL, CFGF_NONE), CFG_STR_LIST("mechanisms", NULL, CFGF_NONE),
		CFG_END() };
	enum { SECTION = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES };
	cfg_opt_t all[] = { CFG_STR("socket", default_socket, CFGF_NONE),
		CFG_STR("state", default_state, CFGF_NONE),
		CFG_STR("policy", default_policy, CFGF_NONE),
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
	const struct settings *settings, const struct token_name *token)
{
	for (size_t i = 0; i < settings->token_count; i++) {
		const struct settings_token *found = &settings->tokens[i];

		if (strcmp(found->serial, token->serial) == 0 &&
			(!found->backend || strcmp(found->backend, token->backend) == 0))
			return found;
	}
	return NULL;
}

bool settings_ids_contain(const struct settings_ids *ids, uint32_t id)
{
	for (size_t i = 0; i < ids->count; i++)
		if (ids->items[i] == id)
			return true;
	return false;
}
