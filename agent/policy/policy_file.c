/* SPDX-License-Identifier: Apache-2.0 */
/* policy.conf and the directory of default blocks: opened with care, parsed by libconfuse. */
#include "policy_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <confuse.h>
#include <iothsm/iothsm.h>

#include "cleanup.h"
#include "log.h"
#include "policy_block.h"

enum { PATH_TEXT_MAX = 4096 };

static inline void cleanup_cfg(cfg_t **cfg)
{
	if (*cfg)
		(void)cfg_free(*cfg);
}

static inline void cleanup_directory(DIR **directory)
{
	if (*directory)
		(void)closedir(*directory);
}

static void log_parse_error(cfg_t *cfg, const char *format, va_list arguments)
{
	char reason[512];

	(void)vsnprintf(reason, sizeof(reason), format, arguments);
	log_error("policy: %s:%d: %s", cfg && cfg->filename ? cfg->filename : "policy",
		cfg ? cfg->line : 0, reason);
}

static bool has_room(struct policy *policy)
{
	if (policy->count >= POLICY_KEYS_MAX) {
		log_error("policy: more than %d keys are not supported, remove some blocks",
			POLICY_KEYS_MAX);
		return false;
	}
	struct policy_key *grown =
		realloc(policy->keys, (policy->count + 1) * sizeof(*policy->keys));

	if (!grown)
		return false;
	policy->keys = grown;
	return true;
}

static bool is_named(const struct policy *policy, const uint8_t spki[SIGNED_SPKI_LEN])
{
	for (size_t i = 0; i < policy->count; i++)
		if (memcmp(policy->keys[i].spki, spki, SIGNED_SPKI_LEN) == 0)
			return true;
	return false;
}

/* What the root-owned file says of a key counts alone. */
static bool take_sections(struct policy *policy, cfg_t *cfg, bool is_default)
{
	for (unsigned i = 0; i < cfg_size(cfg, "key"); i++) {
		struct policy_key key;

		if (!policy_block_read(cfg_getnsec(cfg, "key", i), &key))
			return false;
		if (is_named(policy, key.spki)) {
			policy_block_reset(&key);
			if (is_default)
				continue;
			log_error("policy: %s: one key has two blocks, remove one: %s",
				cfg->filename, cfg_title(cfg_getnsec(cfg, "key", i)));
			return false;
		}
		if (!has_room(policy)) {
			policy_block_reset(&key);
			return false;
		}
		policy->keys[policy->count++] = key;
	}
	return true;
}

/* libconfuse takes the end of a file for the end of its sections: what was cut off is missed. */
static bool is_whole(const char *path, FILE *stream)
{
	int quote = 0, depth = 0, c;
	bool comment = false;

	while ((c = fgetc(stream)) != EOF) {
		if (c == '\n')
			comment = false;
		else if (quote && c == '\\')
			(void)fgetc(stream);
		else if (quote)
			quote = c == quote ? 0 : quote;
		else if (comment)
			continue;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '#')
			comment = true;
		else if (c == '{' || c == '}')
			depth += c == '{' ? 1 : -1;
	}
	if (depth == 0 && !quote && !ferror(stream) && fseek(stream, 0, SEEK_SET) == 0)
		return true;
	log_error("policy: %s ends within a block or text; look for a missing } or quote", path);
	return false;
}

static bool parse(struct policy *policy, const char *path, FILE *stream, bool is_default)
{
	cfg_opt_t block[POLICY_BLOCK_OPTIONS];
	cfg_opt_t all[] = { CFG_SEC("key", block, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_END() };

	policy_block_options(block);
	CLEANUP(cfg) cfg_t *cfg = cfg_init(all, CFGF_NONE);

	if (!cfg)
		return false;
	(void)cfg_set_error_function(cfg, log_parse_error);
	policy_block_install(cfg);
	cfg->filename = strdup(path);
	return cfg->filename && cfg_parse_fp(cfg, stream) == CFG_SUCCESS &&
	       take_sections(policy, cfg, is_default);
}

/* Of the open file, so that nobody can exchange it between look and read. */
static bool is_trusted(const char *path, int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		log_error("policy: %s is no regular file", path);
		return false;
	}
	if ((status.st_uid != 0 && status.st_uid != geteuid()) ||
		(status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		log_error("policy: %s could be written by others; do: chown root %s; chmod 644 %s",
			path, path, path);
		return false;
	}
	if (status.st_size > POLICY_FILE_MAX) {
		log_error("policy: %s has more than %d bytes", path, POLICY_FILE_MAX);
		return false;
	}
	return true;
}

static bool read_file(struct policy *policy, const char *path, bool is_default)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0) {
		log_error("policy: cannot open %s: %s", path, strerror(errno));
		return false;
	}
	CLEANUP(file) FILE *stream = is_trusted(path, fd) ? fdopen(fd, "r") : NULL;

	if (!stream) {
		(void)close(fd);
		return false;
	}
	return is_whole(path, stream) && parse(policy, path, stream, is_default);
}

static bool read_directory(struct policy *policy, const char *path)
{
	CLEANUP(directory) DIR *directory = opendir(path);
	const struct dirent *entry = NULL;
	char name[PATH_TEXT_MAX];

	if (!directory && errno == ENOENT)
		return true;
	if (!directory) {
		log_error("policy: cannot open %s: %s", path, strerror(errno));
		return false;
	}
	while ((entry = readdir(directory)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');

		if (!end || strcmp(end, ".conf") != 0)
			continue;
		if (snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) >=
				(int)sizeof(name) ||
			!read_file(policy, name, true))
			return false;
	}
	return true;
}

static int by_spki(const void *left, const void *right)
{
	const struct policy_key *a = left, *b = right;

	return memcmp(a->spki, b->spki, SIGNED_SPKI_LEN);
}

CK_RV policy_load(const char *file, const char *directory, struct policy **policy)
{
	struct policy *made = calloc(1, sizeof(*made));

	if (!made)
		return CKR_HOST_MEMORY;
	if ((file && !read_file(made, file, false)) ||
		(directory && !read_directory(made, directory))) {
		policy_free(made);
		return CKR_IOTHSM_POLICY;
	}
	if (made->count > 0)
		qsort(made->keys, made->count, sizeof(*made->keys), by_spki);
	*policy = made;
	return CKR_OK;
}
