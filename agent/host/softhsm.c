/* SPDX-License-Identifier: Apache-2.0 */
/* What PKCS#11 has no call for and SoftHSM2 does by its own program, softhsm2-util. */
#include "softhsm.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "storage.h"

extern char **environ;

enum { LINE_ROOM = 256, LISTED_MAX = HOST_TOKENS_MAX };

bool softhsm_is_maker(struct token *token)
{
	static const char maker[] = "SoftHSM project";
	CK_TOKEN_INFO info = { 0 };

	return token->host->functions->C_GetTokenInfo(token->slot, &info) == CKR_OK &&
	       memcmp(info.manufacturerID, maker, sizeof(maker) - 1) == 0;
}

/* output -1: none is wanted; else the child's standard output. */
static pid_t run(char *const arguments[], int output)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	int failure =
		output < 0 ? 0 : posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);

	if (failure == 0)
		failure = posix_spawnp(&pid, arguments[0], &actions, NULL, arguments, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return failure == 0 ? pid : -1;
}

static bool has_succeeded(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The serial number is no secret; the SO PIN has been checked before and is not needed. */
CK_RV softhsm_delete_token(const char *serial)
{
	char name[] = "softhsm2-util", what[] = "--delete-token", by[] = "--serial";
	char value[LINK_SERIAL_LEN + 1];
	char *const arguments[] = { name, what, by, value, NULL };

	(void)snprintf(value, sizeof(value), "%s", serial);
	pid_t pid = run(arguments, -1);

	if (pid > 0 && has_succeeded(pid))
		return CKR_OK;
	log_error("token: softhsm2-util did not delete the token, is softhsm2 installed? serial=%s",
		serial);
	return CKR_FUNCTION_FAILED;
}

struct listed {
	char serials[LISTED_MAX][LINK_SERIAL_LEN + 1];
	size_t count;
};

/* "    Serial number:    0123456789abcdef"; an uninitialised token has none. */
static void read_line(const char *line, struct listed *listed)
{
	char *serial = listed->serials[listed->count];

	if (sscanf(line, " Serial number: %16[0-9a-fA-F]", serial) == 1)
		listed->count++;
}

static bool read_list(int input, struct listed *listed)
{
	CLEANUP(file) FILE *file = fdopen(input, "r");
	char line[LINE_ROOM];

	if (!file) {
		(void)close(input);
		return false;
	}
	while (listed->count < LISTED_MAX && fgets(line, sizeof(line), file))
		read_line(line, listed);
	return ferror(file) == 0;
}

/* What a process sees that starts now. */
static bool list_afresh(struct listed *listed)
{
	char name[] = "softhsm2-util", what[] = "--show-slots";
	char *const arguments[] = { name, what, NULL };
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	pid_t pid = run(arguments, ends[1]);

	(void)close(ends[1]);
	if (pid < 0) {
		(void)close(ends[0]);
		return false;
	}
	bool read = read_list(ends[0], listed);
	bool succeeded = has_succeeded(pid);

	return read && succeeded;
}

static size_t count_initialised_locked(const struct host *host)
{
	size_t count = 0;

	for (size_t i = 0; i < host->token_count; i++)
		count += host->tokens[i]->present && host->tokens[i]->facts.serial[0] != '\0';
	return count;
}

/* As many as we know, and each of them known: the same set. */
static bool differs(struct host *host, const struct listed *listed)
{
	(void)pthread_mutex_lock(&host->lock);
	size_t known = count_initialised_locked(host);

	(void)pthread_mutex_unlock(&host->lock);
	for (size_t i = 0; i < listed->count; i++)
		if (!host_find_token(host, listed->serials[i]))
			return true;
	return known != listed->count;
}

static bool any_is_softhsm(struct host *host, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (softhsm_is_maker(host->tokens[i]))
			return true;
	return false;
}

/* Any: a token that was deleted does not say any more who made it. */
static bool is_softhsm(struct host *host)
{
	(void)pthread_mutex_lock(&host->lock);
	size_t count = host->token_count;

	(void)pthread_mutex_unlock(&host->lock);
	if (!host->serial)
		return any_is_softhsm(host, count);
	(void)pthread_mutex_lock(&host->library_lock);
	bool made = any_is_softhsm(host, count);

	(void)pthread_mutex_unlock(&host->library_lock);
	return made;
}

/* The name of the library tells before it is initialised. */
static void remember(struct host *host)
{
	if (!strstr(host->library, "softhsm") ||
		!storage_find(host->directory, sizeof(host->directory)))
		return;
	host->known = calloc(1, sizeof(*host->known));
	if (!host->known || storage_read(host->directory, host->known))
		return;
	free(host->known);
	host->known = NULL;
}

void softhsm_look_out(struct host *host)
{
	remember(host);
	const char *directory = *host->watch ? host->watch : host->directory;

	if (!*directory || strcmp(host->watch, "none") == 0)
		return;
	if (!lookout_open(&host->lookout, directory)) {
		log_warn("host: tokens that others make appear only after 'iothsm token rescan', "
			 "set 'watch' in agent.conf to the token directory: %s: %s",
			directory, strerror(errno));
		return;
	}
	/* What was changed before the watch began is known, what comes after it is reported. */
	if (host->known)
		(void)storage_read(host->directory, host->known);
}

void softhsm_begin_change(struct host *host)
{
	(void)pthread_mutex_lock(&host->making);
}

void softhsm_end_change(struct host *host, const char *serial)
{
	struct storage now;

	if (host->known && storage_read(host->directory, &now))
		storage_follow(host->known, &now, serial);
	(void)pthread_mutex_unlock(&host->making);
}

/* The PIN of a changed token may be another one: no ticket is to try the former one. */
static void void_tickets_locked(struct host *host, struct storage *now)
{
	struct link_message message = { .type = LINK_TICKET_VOID };

	for (size_t i = 0; i < host->known->count; i++) {
		const struct storage_token *known = &host->known->tokens[i];
		const struct storage_token *token = storage_token_of(now, known->serial);

		if (token && token->edition == known->edition)
			continue;
		memcpy(message.serial, known->serial, sizeof(message.serial));
		host_tell(host, &message);
	}
}

/* Calls of a deleted token end here, whatever SoftHSM2 would say to them. */
static void retire_deleted_locked(struct host *host, struct storage *now)
{
	for (size_t i = 0; i < host->known->count; i++) {
		const char *serial = host->known->tokens[i].serial;
		struct token *token =
			storage_token_of(now, serial) ? NULL : host_find_token(host, serial);

		if (token)
			token->present = false;
	}
}

static bool is_outdated_locked(struct host *host)
{
	struct listed listed = { 0 };
	struct storage now;

	if (!host->known || !storage_read(host->directory, &now))
		return is_softhsm(host) && list_afresh(&listed) && differs(host, &listed);
	if (storage_is_same(host->known, &now))
		return false;
	void_tickets_locked(host, &now);
	retire_deleted_locked(host, &now);
	return true;
}

bool softhsm_is_outdated(struct host *host)
{
	(void)pthread_mutex_lock(&host->making);
	bool outdated = is_outdated_locked(host);

	(void)pthread_mutex_unlock(&host->making);
	return outdated;
}
