/* SPDX-License-Identifier: Apache-2.0 */
/* What outlives the process: the appliance's uuid, in state.json. */
#include "state.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "cleanup.h"
#include "file.h"
#include "json.h"
#include "log.h"

bool state_parse(struct bytes text, struct state *state)
{
	CLEANUP(json) json_t *value = json_parse(text);
	const char *uuid = json_text(value, "uuid");

	if (!uuid || !uuid_is_valid(uuid))
		return false;
	(void)snprintf(state->uuid, sizeof(state->uuid), "%s", uuid);
	return true;
}

void state_print(char *out, const struct state *state)
{
	(void)snprintf(out, STATE_PRINT_MAX, "{\n  \"uuid\": \"%s\"\n}\n", state->uuid);
}

static CK_RV create(const char *path, struct state *state)
{
	char text[STATE_PRINT_MAX];
	struct state fresh;

	if (!uuid_make(fresh.uuid))
		return CKR_FUNCTION_FAILED;
	state_print(text, &fresh);
	if (!file_replace(path, bytes_of_text(text), 0600)) {
		log_error("state: cannot write file=%s error=\"%s\"", path, strerror(errno));
		return CKR_DEVICE_ERROR;
	}
	log_info("state: new appliance uuid=%s file=%s", fresh.uuid, path);
	*state = fresh;
	return CKR_OK;
}

static CK_RV keep_aside(const char *path)
{
	char aside[PATH_MAX];
	int len = snprintf(aside, sizeof(aside), "%s.damaged-%lld", path, (long long)time(NULL));

	/* link() refuses an existing name, so an older damaged file is never lost. */
	if (len < 0 || (size_t)len >= sizeof(aside) || link(path, aside) != 0 ||
		unlink(path) != 0) {
		log_error("state: damaged and cannot be kept aside file=%s error=\"%s\"", path,
			strerror(errno));
		return CKR_DEVICE_ERROR;
	}
	log_error("state: damaged, kept aside; the platform will see a new appliance unless its"
		  " uuid is put back file=%s kept=%s",
		path, aside);
	return CKR_OK;
}

CK_RV state_load(const char *directory, struct state *state)
{
	char path[PATH_MAX];
	size_t text_len = 0;
	int len = snprintf(path, sizeof(path), "%s/state.json", directory);

	if (len < 0 || (size_t)len >= sizeof(path) || !file_make_directory(directory, 0700)) {
		log_error(
			"state: cannot use directory=%s error=\"%s\"", directory, strerror(errno));
		return CKR_DEVICE_ERROR;
	}
	CLEANUP(free) char *text = file_read(path, STATE_TEXT_MAX, &text_len);

	if (!text && errno == ENOENT)
		return create(path, state);
	if (!text && errno != EFBIG) {
		log_error("state: cannot read file=%s error=\"%s\"", path, strerror(errno));
		return CKR_DEVICE_ERROR;
	}
	if (text && state_parse(bytes_of(text, text_len), state))
		return CKR_OK;
	TRY(keep_aside(path));
	return create(path, state);
}
