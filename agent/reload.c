/* SPDX-License-Identifier: Apache-2.0 */
/* A changed agent.conf while the agent runs: rights and kept PINs at once, the rest at the next
 * start. */
#include "reload.h"

#include "briefing.h"
#include "log.h"

static bool text_is_same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool env_is_same(const struct settings_texts *a, const struct settings_texts *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = strcmp(a->items[i], b->items[i]) == 0;
	return same;
}

static bool backend_is_same(const struct settings_backend *a, const struct settings_backend *b)
{
	return text_is_same(a->name, b->name) && text_is_same(a->type, b->type) &&
	       text_is_same(a->module, b->module) && text_is_same(a->watch, b->watch) &&
	       a->serial == b->serial && a->record == b->record && a->call_ms == b->call_ms &&
	       a->busy_poll_us == b->busy_poll_us && env_is_same(&a->env, &b->env);
}

static bool needs_restart(const struct settings *a, const struct settings *b)
{
	bool same = text_is_same(a->socket, b->socket) && text_is_same(a->state, b->state) &&
		    text_is_same(a->libexec, b->libexec) && a->backend_count == b->backend_count;

	for (size_t i = 0; same && i < a->backend_count; i++)
		same = backend_is_same(&a->backends[i], &b->backends[i]);
	return !same;
}

/* What may change while clients and hosts are there. */
static void exchange(struct settings *a, struct settings *b)
{
	struct settings former = *a;

	a->tokens = b->tokens;
	a->token_count = b->token_count;
	a->rights = b->rights;
	a->rights_count = b->rights_count;
	a->pin_users = b->pin_users;
	b->tokens = former.tokens;
	b->token_count = former.token_count;
	b->rights = former.rights;
	b->rights_count = former.rights_count;
	b->pin_users = former.pin_users;
}

void reload_settings(struct front *front, const char *path)
{
	struct settings *former = front->settings;
	struct settings *fresh = settings_load(path);

	if (!fresh) {
		log_error("agent: the configuration was not reloaded, what was read before holds");
		return;
	}
	if (needs_restart(former, fresh))
		log_warn("agent: changes of socket, state, libexec or a backend take effect at the "
			 "next start only: %s",
			path);
	exchange(former, fresh);
	settings_free(fresh);
	briefing_renew_pins(front);
	log_info("agent: rights and tokens were reloaded: %s", path);
}
