/* SPDX-License-Identifier: Apache-2.0 */
/* The token directory of SoftHSM2 as other processes change it, read without SoftHSM2. */
#include "storage.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"

/* Attributes of a token, as SoftHSM2 2.x writes them (its OSAttributes.h). */
#define OS_TOKEN_SERIAL 0x8000534AUL
#define OS_TOKEN_SO     0x8000534CUL
#define OS_TOKEN_USER   0x8000534DUL

enum { LINE_ROOM = LINK_TEXT_MAX + 64, KIND_BOOL = 1, KIND_NUMBER = 2, KIND_BYTES = 3 };

static bool take_number(struct bytes *rest, uint64_t *number)
{
	*number = 0;
	if (rest->len < sizeof(*number))
		return false;
	for (size_t i = 0; i < sizeof(*number); i++)
		*number = *number << 8 | rest->data[i];
	*rest = bytes_of(rest->data + sizeof(*number), rest->len - sizeof(*number));
	return true;
}

static bool take_value(struct bytes *rest, uint64_t kind, struct bytes *value)
{
	uint64_t len = kind == KIND_BOOL ? 1 : sizeof(uint64_t);

	if (kind < KIND_BOOL || kind > KIND_BYTES ||
		(kind == KIND_BYTES && !take_number(rest, &len)) || len > rest->len)
		return false;
	*value = bytes_of(rest->data, (size_t)len);
	*rest = bytes_of(rest->data + len, rest->len - (size_t)len);
	return true;
}

static bool set_serial(struct storage_token *token, struct bytes value)
{
	if (value.len == 0 || value.len > LINK_SERIAL_LEN || memchr(value.data, '\0', value.len))
		return false;
	memcpy(token->serial, value.data, value.len);
	token->serial[value.len] = '\0';
	return true;
}

/* FNV-1a of what is encrypted under the PINs: both start anew with another salt. */
static void add_edition(struct storage_token *token, struct bytes value)
{
	for (size_t i = 0; i < value.len; i++)
		token->edition = (token->edition ^ value.data[i]) * 0x100000001b3U;
}

bool storage_parse(struct bytes file, struct storage_token *token)
{
	uint64_t generation, type, kind;
	struct bytes value;
	bool owned = false;

	*token = (struct storage_token){ .edition = 0xcbf29ce484222325U };
	if (!take_number(&file, &generation))
		return false;
	while (file.len > 0) {
		if (!take_number(&file, &type) || !take_number(&file, &kind) ||
			!take_value(&file, kind, &value))
			return false;
		if (type == OS_TOKEN_SERIAL && !set_serial(token, value))
			return false;
		if (type == OS_TOKEN_SO || type == OS_TOKEN_USER)
			add_edition(token, value);
		owned = owned || type == OS_TOKEN_SO;
	}
	return owned && token->serial[0] != '\0';
}

static bool read_token(const char *directory, const char *name, struct storage_token *token)
{
	CLEANUP(file) FILE *file = NULL;
	uint8_t content[STORAGE_FILE_MAX];
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s/token.object", directory, name);

	if (len < 0 || (size_t)len >= sizeof(path))
		return false;
	file = fopen(path, "re");
	if (!file)
		return false;
	size_t got = fread(content, 1, sizeof(content), file);

	return !ferror(file) && feof(file) && storage_parse(bytes_of(content, got), token);
}

bool storage_read(const char *directory, struct storage *storage)
{
	DIR *listing = opendir(directory);
	const struct dirent *entry;
	bool sound = true;

	storage->count = 0;
	if (!listing)
		return false;
	while (sound && (entry = readdir(listing)) != NULL) {
		if (entry->d_name[0] == '.' ||
			(entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
			continue;
		sound = storage->count < STORAGE_TOKENS_MAX &&
			read_token(directory, entry->d_name, &storage->tokens[storage->count]);
		storage->count += sound;
	}
	(void)closedir(listing);
	return sound;
}

struct storage_token *storage_token_of(struct storage *storage, const char *serial)
{
	for (size_t i = 0; i < storage->count; i++)
		if (strcmp(storage->tokens[i].serial, serial) == 0)
			return &storage->tokens[i];
	return NULL;
}

bool storage_is_same(struct storage *a, struct storage *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct storage_token *other = storage_token_of(b, a->tokens[i].serial);

		if (!other || other->edition != a->tokens[i].edition)
			return false;
	}
	return true;
}

void storage_follow(struct storage *a, struct storage *b, const char *serial)
{
	struct storage_token *mine = storage_token_of(a, serial);
	const struct storage_token *other = storage_token_of(b, serial);

	if (mine && other)
		*mine = *other;
	else if (mine)
		*mine = a->tokens[--a->count];
	else if (other && a->count < STORAGE_TOKENS_MAX)
		a->tokens[a->count++] = *other;
}

/* "directories.tokendir = PATH"; a later line replaces an earlier one. */
static void read_line(const char *line, char *directory, size_t room)
{
	char value[LINE_ROOM];

	if (sscanf(line, " directories.tokendir = %1087[^\r\n]", value) != 1)
		return;
	size_t len = strlen(value);

	while (len > 0 &&
		(value[len - 1] == ' ' || value[len - 1] == '\t' || value[len - 1] == '/'))
		value[--len] = '\0';
	if (len > 0 && len < room)
		memcpy(directory, value, len + 1);
}

/* As SoftHSM2 looks for it; the environment is that of our own configuration. */
static FILE *open_configuration(void)
{
	const char *named = getenv("SOFTHSM2_CONF");
	const char *home = getenv("HOME");
	char path[PATH_MAX];
	FILE *file = NULL;

	if (named)
		return fopen(named, "re");
	if (home && snprintf(path, sizeof(path), "%s/.config/softhsm2/softhsm2.conf", home) <
			    (int)sizeof(path))
		file = fopen(path, "re");
	return file ? file : fopen("/etc/softhsm/softhsm2.conf", "re");
}

bool storage_find(char *directory, size_t room)
{
	CLEANUP(file) FILE *file = open_configuration();
	char line[LINE_ROOM];

	directory[0] = '\0';
	while (file && fgets(line, sizeof(line), file))
		read_line(line, directory, room);
	return directory[0] == '/';
}
