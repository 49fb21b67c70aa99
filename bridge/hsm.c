/* SPDX-License-Identifier: Apache-2.0 */
/* The PKCS#11 module and its tokens: loading, sessions, login. */
#include "hsm.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "hsm_token.h"
#include "log.h"
#include "text.h"

const char *hsm_describe(CK_RV rv)
{
	static const struct {
		CK_RV rv;
		const char *text;
	} texts[] = {
		{ CKR_OK, "ok" },
		{ CKR_PIN_INCORRECT, "wrong PIN" },
		{ CKR_PIN_LOCKED, "PIN locked" },
		{ CKR_PIN_EXPIRED, "PIN expired" },
		{ CKR_USER_NOT_LOGGED_IN, "not logged in" },
		{ CKR_USER_PIN_NOT_INITIALIZED, "PIN not set" },
		{ CKR_TOKEN_NOT_PRESENT, "token not present" },
		{ CKR_TOKEN_NOT_RECOGNIZED, "token not recognised" },
		{ CKR_DEVICE_ERROR, "token or agent does not answer" },
		{ CKR_DEVICE_REMOVED, "token removed" },
		{ CKR_KEY_HANDLE_INVALID, "key not found" },
		{ CKR_FUNCTION_REJECTED, "refused by the agent" },
		{ CKR_MECHANISM_INVALID, "mechanism not supported by the token" },
		{ CKR_HOST_MEMORY, "out of memory" },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i].rv == rv)
			return texts[i].text;
	}
	return "token error";
}

static CK_RV load(struct hsm *hsm)
{
	CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };
	CK_RV (*get_list)(CK_FUNCTION_LIST **) = NULL;

	hsm->library = dlopen(hsm->config->module, RTLD_NOW | RTLD_LOCAL);
	void *symbol = hsm->library ? dlsym(hsm->library, "C_GetFunctionList") : NULL;

	if (!symbol) {
		log_error(
			"hsm: cannot load module=%s error=\"%s\"", hsm->config->module, dlerror());
		return CKR_GENERAL_ERROR;
	}
	memcpy(&get_list, &symbol, sizeof(get_list));
	CK_RV rv = get_list(&hsm->functions);

	if (rv == CKR_OK)
		rv = hsm->functions->C_Initialize(&arguments);
	if (rv != CKR_OK) {
		log_error(
			"hsm: module refuses to start module=%s rv=0x%lx", hsm->config->module, rv);
		hsm->functions = NULL;
	}
	return rv;
}

CK_RV hsm_open(const struct config *config, struct hsm **out)
{
	struct hsm *hsm = calloc(1, sizeof(*hsm));

	if (!hsm)
		return CKR_HOST_MEMORY;
	hsm->config = config;
	(void)pthread_mutex_init(&hsm->lock, NULL);
	CK_RV rv = load(hsm);

	if (rv != CKR_OK) {
		hsm_close(hsm);
		return rv;
	}
	*out = hsm;
	return CKR_OK;
}

void hsm_close(struct hsm *hsm)
{
	if (!hsm)
		return;
	if (hsm->functions)
		(void)hsm->functions->C_Finalize(NULL);
	for (size_t i = 0; i < hsm->key_count; i++)
		hsm_key_free(hsm->keys[i]);
	for (size_t i = 0; i < hsm->token_count; i++) {
		secret_wipe(&hsm->tokens[i]->refused_pin);
		(void)pthread_mutex_destroy(&hsm->tokens[i]->lock);
		(void)pthread_mutex_destroy(&hsm->tokens[i]->view_lock);
		free(hsm->tokens[i]);
	}
	if (hsm->library)
		(void)dlclose(hsm->library);
	(void)pthread_mutex_destroy(&hsm->lock);
	free(hsm);
}

static bool is_wrong_pin(CK_RV rv)
{
	return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED || rv == CKR_PIN_LEN_RANGE ||
	       rv == CKR_PIN_INVALID || rv == CKR_PIN_EXPIRED;
}

/* NULL data means that the agent (or a PIN pad) knows the PIN. */
static CK_RV try_login_locked(struct hsm *hsm, struct hsm_token *token, CK_SESSION_HANDLE session,
	const struct secret *pin)
{
	struct secret copy = *pin;
	CK_RV rv = hsm->functions->C_Login(
		session, CKU_USER, pin->present ? copy.data : NULL, pin->present ? copy.len : 0);

	secret_wipe(&copy);
	if (rv == CKR_USER_ALREADY_LOGGED_IN)
		rv = CKR_OK;
	hsm_token_set_logged_in(token, rv == CKR_OK);
	token->pin_refused = is_wrong_pin(rv);
	if (token->pin_refused)
		token->refused_pin = *pin;
	return rv;
}

static bool was_refused(const struct hsm_token *token, const struct secret *pin)
{
	if (!token->pin_refused)
		return false;
	if (!pin->present || !token->refused_pin.present)
		return pin->present == token->refused_pin.present;
	return secret_equal(&token->refused_pin, secret_bytes(pin));
}

static CK_RV read_pin(struct hsm *hsm, struct hsm_token *token, struct secret *pin)
{
	struct hsm_view view = hsm_token_view(token);
	const char *file = config_pin_file(hsm->config, view.status.serial);

	if (file && !secret_read_file(pin, file)) {
		log_error("hsm: cannot read PIN token=%s file=%s error=\"%m\"", view.status.serial,
			file);
		return CKR_USER_NOT_LOGGED_IN;
	}
	if (!file && !(token->flags & CKF_PROTECTED_AUTHENTICATION_PATH))
		return CKR_USER_NOT_LOGGED_IN;
	return CKR_OK;
}

CK_RV hsm_token_login_locked(struct hsm *hsm, struct hsm_token *token, CK_SESSION_HANDLE session)
{
	struct secret pin = { 0 };

	if (hsm_token_view(token).logged_in || !(token->flags & CKF_LOGIN_REQUIRED))
		return CKR_OK;
	CK_RV rv = read_pin(hsm, token, &pin);

	if (rv == CKR_OK && was_refused(token, &pin))
		rv = CKR_PIN_INCORRECT;
	else if (rv == CKR_OK)
		rv = try_login_locked(hsm, token, session, &pin);
	secret_wipe(&pin);
	return rv;
}

void hsm_token_close_locked(struct hsm *hsm, struct hsm_token *token)
{
	if (token->open)
		(void)hsm->functions->C_CloseSession(token->session);
	token->open = false;
	hsm_token_set_logged_in(token, false);
}

/* A module that restarted, or a token that was replaced, has forgotten session or login. */
static void check_session_locked(struct hsm *hsm, struct hsm_token *token)
{
	CK_SESSION_INFO info;

	if (!token->open)
		return;
	if (hsm->functions->C_GetSessionInfo(token->session, &info) != CKR_OK ||
		info.slotID != hsm_token_view(token).slot) {
		hsm_token_close_locked(hsm, token);
		return;
	}
	hsm_token_set_logged_in(
		token, info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS);
}

bool hsm_token_is_open_locked(struct hsm *hsm, struct hsm_token *token)
{
	check_session_locked(hsm, token);
	return token->open &&
	       (hsm_token_view(token).logged_in || !(token->flags & CKF_LOGIN_REQUIRED));
}

CK_RV hsm_token_open_locked(struct hsm *hsm, struct hsm_token *token)
{
	check_session_locked(hsm, token);
	if (!token->open) {
		TRY(hsm->functions->C_OpenSession(hsm_token_view(token).slot, CKF_SERIAL_SESSION,
			NULL, NULL, &token->session));
		token->open = true;
	}
	return hsm_token_login_locked(hsm, token, token->session);
}
