/* SPDX-License-Identifier: Apache-2.0 */
/* PINs that the agent keeps: named by agent.conf, or kept at run time in the state directory. */
#include "kept.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <confuse.h>

#include "cleanup.h"
#include "file.h"
#include "log.h"
#include "text.h"

static bool *flag_of(struct kept_token *token, CK_USER_TYPE user)
{
	return user == CKU_SO ? &token->so : &token->user;
}

static struct kept_token *find_token(const struct kept *kept, const struct token_name *name)
{
	for (size_t i = 0; i < kept->count; i++)
		if (strcmp(kept->tokens[i].backend, name->backend) == 0 &&
			strcmp(kept->tokens[i].serial, name->serial) == 0)
			return &kept->tokens[i];
	return NULL;
}

static struct kept_token *find_or_add(struct kept *kept, const struct token_name *name)
{
	struct kept_token *token = find_token(kept, name);

	if (token || kept->count == KEPT_TOKENS_MAX)
		return token;
	token = &kept->tokens[kept->count++];
	*token = (struct kept_token){ 0 };
	memcpy(token->backend, name->backend, strlen(name->backend) + 1);
	memcpy(token->serial, name->serial, strlen(name->serial) + 1);
	return token;
}

static const char *managed_path(const struct kept *kept, char path[PATH_MAX + 64])
{
	(void)snprintf(path, PATH_MAX + 64, "%s/managed.conf", kept->state);
	return path;
}

/* In hex: whatever a token or a backend calls itself, it stays inside the directory. */
static const char *pin_path(const struct kept *kept, const struct token_name *token,
	CK_USER_TYPE user, char path[PATH_MAX + 256])
{
	char backend[2 * KEPT_BACKEND_LEN + 1], serial[2 * LINK_SERIAL_LEN + 1];

	text_hex(backend, bytes_of_text(token->backend));
	text_hex(serial, bytes_of_text(token->serial));
	(void)snprintf(path, PATH_MAX + 256, "%s/pins/%s-%s.%s", kept->state, backend, serial,
		user == CKU_SO ? "so" : "user");
	return path;
}

static bool read_name(cfg_t *section, struct token_name *name)
{
	*name = (struct token_name){ .backend = cfg_getstr(section, "backend"),
		.serial = cfg_getstr(section, "serial") };
	return name->backend && strlen(name->backend) <= KEPT_BACKEND_LEN && name->serial &&
	       strlen(name->serial) <= LINK_SERIAL_LEN;
}

static bool add_section(struct kept *kept, cfg_t *section)
{
	struct token_name name;
	struct kept_token *token = read_name(section, &name) ? find_or_add(kept, &name) : NULL;

	if (!token)
		return false;
	for (unsigned i = 0; i < cfg_size(section, "pins"); i++) {
		const char *user = cfg_getnstr(section, "pins", i);

		if (strcmp(user, "user") != 0 && strcmp(user, "so") != 0)
			return false;
		*flag_of(token, strcmp(user, "so") == 0 ? CKU_SO : CKU_USER) = true;
	}
	return true;
}

static bool parse(struct kept *kept, const char *path)
{
	cfg_opt_t token[] = { CFG_STR("backend", NULL, CFGF_NODEFAULT),
		CFG_STR("serial", NULL, CFGF_NODEFAULT), CFG_STR_LIST("pins", NULL, CFGF_NONE),
		CFG_END() };
	cfg_opt_t all[] = { CFG_SEC("kept", token, CFGF_MULTI), CFG_END() };
	cfg_t *cfg = cfg_init(all, CFGF_NONE);
	bool sound = cfg && cfg_parse(cfg, path) == CFG_SUCCESS;

	for (unsigned i = 0; sound && i < cfg_size(cfg, "kept"); i++)
		sound = add_section(kept, cfg_getnsec(cfg, "kept", i));
	if (cfg)
		(void)cfg_free(cfg);
	return sound;
}

CK_RV kept_load(struct kept *kept, const char *state)
{
	char path[PATH_MAX + 64];

	*kept = (struct kept){ .tokens = calloc(KEPT_TOKENS_MAX, sizeof(*kept->tokens)) };
	if (!kept->tokens)
		return CKR_HOST_MEMORY;
	(void)snprintf(kept->state, sizeof(kept->state), "%s", state);
	(void)snprintf(path, sizeof(path), "%s/pins", state);
	if (!file_make_directory(path, 0700)) {
		log_error("agent: cannot make the directory of kept PINs, check owner and mode: "
			  "%s: %s",
			path, strerror(errno));
		return CKR_GENERAL_ERROR;
	}
	if (access(managed_path(kept, path), F_OK) != 0 && errno == ENOENT)
		return CKR_OK;
	if (parse(kept, path))
		return CKR_OK;
	log_error("agent: %s is damaged; remove it and keep the PINs again by 'iothsm pin keep'",
		path);
	return CKR_GENERAL_ERROR;
}

void kept_reset(struct kept *kept)
{
	free(kept->tokens);
	*kept = (struct kept){ 0 };
}

static const char *configured_path(
	const struct settings *settings, const struct token_name *name, CK_USER_TYPE user)
{
	const struct settings_token *token = settings_find_token(settings, name);

	if (!token)
		return NULL;
	return user == CKU_SO ? token->so_pin_file : token->pin_file;
}

static bool is_managed(const struct kept *kept, const struct token_name *name, CK_USER_TYPE user)
{
	struct kept_token *token = find_token(kept, name);

	return token && *flag_of(token, user);
}

bool kept_has(const struct kept *kept, const struct settings *settings,
	const struct token_name *token, CK_USER_TYPE user)
{
	return *token->serial &&
	       (is_managed(kept, token, user) || configured_path(settings, token, user) != NULL);
}

bool kept_read(const struct kept *kept, const struct settings *settings,
	const struct token_name *token, CK_USER_TYPE user, struct secret *pin)
{
	char managed[PATH_MAX + 256];
	const char *path = configured_path(settings, token, user);

	if (is_managed(kept, token, user))
		path = pin_path(kept, token, user, managed);
	if (!path)
		return false;
	if (secret_read_file(pin, path) && pin->len > 0)
		return true;
	log_error("agent: cannot use a kept PIN, the file has to hold it in its first line "
		  "serial=%s file=%s: %s",
		token->serial, path, pin->present ? "empty" : strerror(errno));
	secret_wipe(pin);
	return false;
}

/* Every byte that could mean something to the parser in \x form. */
static void write_text(FILE *file, const char *text)
{
	for (; *text; text++) {
		uint8_t c = (uint8_t)*text;
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';

		(void)fprintf(file, plain ? "%c" : "\\x%02x", c);
	}
}

static CK_RV save(const struct kept *kept)
{
	CLEANUP(free) char *text = NULL;
	char path[PATH_MAX + 64];
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);

	if (!file)
		return CKR_HOST_MEMORY;
	(void)fputs("# Set at run time by iothsm; the agent replaces this file.\n", file);
	for (size_t i = 0; i < kept->count; i++) {
		const struct kept_token *token = &kept->tokens[i];

		if (!token->user && !token->so)
			continue;
		(void)fputs("kept { backend = \"", file);
		write_text(file, token->backend);
		(void)fputs("\" serial = \"", file);
		write_text(file, token->serial);
		(void)fprintf(file, "\" pins = {%s%s%s} }\n", token->user ? "user" : "",
			token->user && token->so ? ", " : "", token->so ? "so" : "");
	}
	if (fclose(file) != 0)
		return CKR_HOST_MEMORY;
	if (file_replace(managed_path(kept, path), bytes_of(text, len), 0600))
		return CKR_OK;
	log_error("agent: cannot write what was set at run time, check the disk: %s: %s", path,
		strerror(errno));
	return CKR_GENERAL_ERROR;
}

CK_RV kept_store(struct kept *kept, const struct token_name *name, CK_USER_TYPE user,
	const struct secret *pin)
{
	char path[PATH_MAX + 256];
	struct kept_token *token = find_or_add(kept, name);

	if (!token) {
		log_error("agent: no more PINs can be kept, forget one first serial=%s",
			name->serial);
		return CKR_HOST_MEMORY;
	}
	if (!file_replace(pin_path(kept, name, user, path), secret_bytes(pin), 0600)) {
		log_error(
			"agent: cannot keep a PIN, check the disk: %s: %s", path, strerror(errno));
		return CKR_GENERAL_ERROR;
	}
	*flag_of(token, user) = true;
	return save(kept);
}

CK_RV kept_forget(struct kept *kept, const struct token_name *name, CK_USER_TYPE user)
{
	char path[PATH_MAX + 256];
	struct kept_token *token = find_token(kept, name);

	if (!token || !*flag_of(token, user))
		return CKR_OK;
	*flag_of(token, user) = false;
	if (unlink(pin_path(kept, name, user, path)) != 0 && errno != ENOENT) {
		log_error("agent: cannot remove a kept PIN, remove the file by hand: %s: %s", path,
			strerror(errno));
		(void)save(kept);
		return CKR_GENERAL_ERROR;
	}
	return save(kept);
}
