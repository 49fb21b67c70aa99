/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens that were seen, and what is known of each. */
#include "hsm_token.h"

#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "text.h"
#include "wallclock.h"

struct hsm_view hsm_token_view(struct hsm_token *token)
{
	(void)pthread_mutex_lock(&token->view_lock);
	struct hsm_view view = token->view;

	(void)pthread_mutex_unlock(&token->view_lock);
	return view;
}

void hsm_token_set_logged_in(struct hsm_token *token, bool logged_in)
{
	(void)pthread_mutex_lock(&token->view_lock);
	token->view.logged_in = logged_in;
	(void)pthread_mutex_unlock(&token->view_lock);
}

void hsm_token_set_present(struct hsm_token *token, CK_SLOT_ID slot)
{
	(void)pthread_mutex_lock(&token->view_lock);
	token->view.slot = slot;
	token->view.status.present = true;
	token->view.status.seen_s = wallclock_now_s();
	(void)pthread_mutex_unlock(&token->view_lock);
}

static void note_login_locked(struct hsm_token_status *status)
{
	status->answers = true;
	status->pin_good = true;
	status->login_s = wallclock_now_s();
}

static void note_ready_locked(struct hsm_token_status *status)
{
	note_login_locked(status);
	status->ready_s = wallclock_now_s();
	status->ready_ms = wallclock_uptime_ms();
}

void hsm_token_set_pin_good(struct hsm_token *token)
{
	(void)pthread_mutex_lock(&token->view_lock);
	note_login_locked(&token->view.status);
	(void)pthread_mutex_unlock(&token->view_lock);
}

void hsm_token_confirm(struct hsm_token *token)
{
	(void)pthread_mutex_lock(&token->view_lock);
	if (token->view.status.ready)
		note_ready_locked(&token->view.status);
	(void)pthread_mutex_unlock(&token->view_lock);
}

void hsm_token_set_ready(struct hsm_token *token)
{
	(void)pthread_mutex_lock(&token->view_lock);
	struct hsm_token_status *status = &token->view.status;
	bool was_ready = status->ready;

	status->ready = true;
	status->failure = CKR_OK;
	status->reason[0] = '\0';
	note_ready_locked(status);
	(void)pthread_mutex_unlock(&token->view_lock);
	if (!was_ready)
		log_info("hsm: token ready token=\"%s\" serial=%s", token->view.status.label,
			token->view.status.serial);
}

/* Then the token answers, and somebody has to do something about its PIN. */
static bool is_about_pin(CK_RV rv)
{
	static const CK_RV about_pin[] = { CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_PIN_LEN_RANGE,
		CKR_PIN_INVALID, CKR_PIN_EXPIRED, CKR_USER_NOT_LOGGED_IN,
		CKR_USER_PIN_NOT_INITIALIZED, CKR_FUNCTION_REJECTED };

	for (size_t i = 0; i < ARRAY_LEN(about_pin); i++) {
		if (rv == about_pin[i])
			return true;
	}
	return false;
}

void hsm_token_set_failed(struct hsm_token *token, const char *what, CK_RV rv)
{
	char reason[HSM_REASON_MAX];

	(void)snprintf(reason, sizeof(reason), "%s: %s (0x%lx)", what, hsm_describe(rv), rv);
	(void)pthread_mutex_lock(&token->view_lock);
	struct hsm_token_status *status = &token->view.status;
	bool news = strcmp(status->reason, reason) != 0;

	status->ready = false;
	status->failure = rv;
	status->answers = is_about_pin(rv);
	status->pin_good = status->pin_good && !status->answers;
	(void)strcpy(status->reason, reason);
	(void)pthread_mutex_unlock(&token->view_lock);
	if (news)
		log_warn("hsm: token cannot be used token=\"%s\" serial=%s reason=\"%s\"",
			token->view.status.label, token->view.status.serial, reason);
}

void hsm_token_set_absent(struct hsm_token *token)
{
	(void)pthread_mutex_lock(&token->view_lock);
	token->view.status.present = false;
	(void)pthread_mutex_unlock(&token->view_lock);
	hsm_token_set_failed(token, "token", CKR_TOKEN_NOT_PRESENT);
}

static struct hsm_token *add_token(
	struct hsm *hsm, CK_SLOT_ID slot, const char *serial, const char *label)
{
	struct hsm_token *token =
		hsm->token_count < HSM_TOKENS_MAX ? calloc(1, sizeof(*token)) : NULL;

	if (!token)
		return NULL;
	(void)pthread_mutex_init(&token->lock, NULL);
	(void)pthread_mutex_init(&token->view_lock, NULL);
	(void)strcpy(token->view.status.serial, serial);
	(void)strcpy(token->view.status.label, label);
	token->view.slot = slot;
	(void)pthread_mutex_lock(&hsm->lock);
	hsm->tokens[hsm->token_count++] = token;
	(void)pthread_mutex_unlock(&hsm->lock);
	return token;
}

/* How well a known token fits: 2 the same slot too, 1 moved here from a slot it is no longer in. */
static int fit_of(struct hsm_token *token, CK_SLOT_ID slot, const char *serial, const char *label)
{
	struct hsm_view view = hsm_token_view(token);

	if (strcmp(view.status.serial, serial) != 0 || strcmp(view.status.label, label) != 0)
		return 0;
	return view.slot == slot ? 2 : !view.status.present;
}

/* A token's texts should be UTF-8 and need not be; JSON and metrics take nothing else. */
static void make_utf8(char *text)
{
	CLEANUP(json) json_t *good = json_string(text);

	for (; !good && *text; text++) {
		if (*text & 0x80)
			*text = '?';
	}
}

struct hsm_token *hsm_token_find(struct hsm *hsm, CK_SLOT_ID slot, const CK_TOKEN_INFO *info)
{
	char serial[17];
	char label[33];
	struct hsm_token *best = NULL;
	int best_fit = 0;

	text_unpad(serial, info->serialNumber, sizeof(info->serialNumber));
	text_unpad(label, info->label, sizeof(info->label));
	make_utf8(serial);
	make_utf8(label);
	for (size_t i = 0; i < hsm->token_count; i++) {
		int fit = fit_of(hsm->tokens[i], slot, serial, label);

		if (fit > best_fit) {
			best = hsm->tokens[i];
			best_fit = fit;
		}
	}
	return best ? best : add_token(hsm, slot, serial, label);
}

size_t hsm_token_count(struct hsm *hsm)
{
	(void)pthread_mutex_lock(&hsm->lock);
	size_t count = hsm->token_count;

	(void)pthread_mutex_unlock(&hsm->lock);
	return count;
}

bool hsm_token_status(struct hsm *hsm, size_t index, struct hsm_token_status *status)
{
	if (index >= hsm_token_count(hsm))
		return false;
	*status = hsm_token_view(hsm->tokens[index]).status;
	return true;
}
