/* SPDX-License-Identifier: Apache-2.0 */
/* Changing and checking PINs, making and deleting tokens: all inside the gate exclusively. */
#include "pinadmin.h"

#include <iothsm/iothsm.h>

#include "log.h"
#include "login.h"
#include "pinguard.h"
#include "record.h"
#include "softhsm.h"

enum { LABEL_LEN = 32 };

static void tell_pin(struct token *token, enum link_type type, CK_USER_TYPE user, struct bytes pin)
{
	struct link_message message = { .type = type, .user = user };

	memcpy(message.serial, token->facts.serial, sizeof(message.serial));
	if (pin.data)
		(void)secret_set(&message.secret, pin);
	host_tell(token->host, &message);
	secret_wipe(&message.secret);
}

/* A PIN that the agent keeps follows the change, else its users would be locked out. */
static void follow_change(struct token *token, CK_USER_TYPE user, struct bytes pin)
{
	if (pins_has_kept(token->pins, user)) {
		pins_set_kept(token->pins, user, pin);
		tell_pin(token, LINK_KEEP_PIN, user, pin);
	}
	if (user != CKU_USER)
		return;
	if (token->users > 0)
		pins_set_user(token->pins, pin);
	login_void_tickets(token, NULL);
}

CK_RV pinadmin_init_pin(struct client *client, CK_SESSION_HANDLE native, struct bytes pin)
{
	struct token *token = client->token;

	if (client->login != CKU_SO)
		return CKR_USER_NOT_LOGGED_IN;
	if (!pin.data)
		return CKR_ARGUMENTS_BAD;
	if (pin.len > SECRET_MAX)
		return CKR_PIN_LEN_RANGE;
	softhsm_begin_change(token->host);
	CK_RV rv = token->host->functions->C_InitPIN(native, login_chars(pin), pin.len);

	softhsm_end_change(token->host, token->facts.serial);
	if (rv != CKR_OK)
		return rv;
	follow_change(token, CKU_USER, pin);
	return CKR_OK;
}

struct change {
	CK_SESSION_HANDLE native;
	struct bytes old_pin, new_pin;
};

static CK_RV try_change(struct token *token, void *context)
{
	const struct change *change = context;

	return token->host->functions->C_SetPIN(change->native, login_chars(change->old_pin),
		change->old_pin.len, login_chars(change->new_pin), change->new_pin.len);
}

CK_RV pinadmin_set_pin(
	struct client *client, CK_SESSION_HANDLE native, struct bytes old_pin, struct bytes new_pin)
{
	struct token *token = client->token;
	CK_USER_TYPE user = client->login == CKU_SO ? CKU_SO : CKU_USER;
	struct change change = { native, old_pin, new_pin };

	if (!old_pin.data || !new_pin.data)
		return CKR_ARGUMENTS_BAD;
	if (new_pin.len > SECRET_MAX || old_pin.len > SECRET_MAX)
		return CKR_PIN_LEN_RANGE;
	/* In the order of C_InitToken: first the change, then the check of PINs. */
	softhsm_begin_change(token->host);
	CK_RV rv = pinguard_try(client, user, try_change, &change);

	softhsm_end_change(token->host, token->facts.serial);
	if (rv == CKR_OK)
		follow_change(token, user, new_pin);
	return rv;
}

struct check {
	CK_USER_TYPE user;
	struct bytes pin;
};

static CK_RV try_check(struct token *token, void *context)
{
	const struct check *check = context;

	return login_native(token, check->user, check->pin);
}

CK_RV pinadmin_check(struct client *client, CK_USER_TYPE user, struct bytes pin)
{
	struct check check = { user, pin };

	if (user != CKU_USER && user != CKU_SO)
		return CKR_USER_TYPE_INVALID;
	if (!pin.data || pin.len > SECRET_MAX)
		return CKR_ARGUMENTS_BAD;
	if (client->login == CKU_SO)
		return CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
	if (user == CKU_USER && client->token->users > 0)
		return login_check_by_hash(client, pin);
	TRY(login_check_suspendable(client->token));
	login_suspend(client->token);
	CK_RV rv = pinguard_try(client, user, try_check, &check);

	login_suspend(client->token);
	login_resume(client->token);
	return rv;
}

CK_RV pinadmin_keep(struct client *client, CK_USER_TYPE user, struct bytes pin)
{
	TRY(pinadmin_check(client, user, pin));
	pins_set_kept(client->token->pins, user, pin);
	tell_pin(client->token, LINK_KEEP_PIN, user, pin);
	return CKR_OK;
}

CK_RV pinadmin_forget(struct client *client, CK_USER_TYPE user)
{
	if (user != CKU_USER && user != CKU_SO)
		return CKR_USER_TYPE_INVALID;
	pins_set_kept(client->token->pins, user, bytes_of(NULL, 0));
	tell_pin(client->token, LINK_FORGET_PIN, user, bytes_of(NULL, 0));
	return CKR_OK;
}

struct making {
	struct bytes so_pin;
	CK_UTF8CHAR label[LABEL_LEN];
};

static CK_RV try_init(struct token *token, void *context)
{
	struct making *making = context;

	return token->host->functions->C_InitToken(
		token->slot, login_chars(making->so_pin), making->so_pin.len, making->label);
}

static void remove_stored(struct token *token)
{
	uint64_t ids[STORE_OBJECTS_MAX];
	size_t count = 0;

	if (!token->store ||
		store_find(token->store, NULL, 0, ids, STORE_OBJECTS_MAX, &count) != CKR_OK)
		return;
	for (size_t i = 0; i < count; i++)
		if (store_remove(token->store, ids[i]) != CKR_OK)
			log_error(
				"token: an object of the former token stays in the store serial=%s",
				token->facts.serial);
}

/* The application goes on with its slot id, which now means the token that it made. */
static void tell_alias(struct client *client)
{
	struct link_message message = {
		.type = LINK_ALIAS, .slot = client->slot, .uid = client->uid
	};

	memcpy(message.client, client->id, sizeof(message.client));
	memcpy(message.serial, client->token->facts.serial, sizeof(message.serial));
	host_tell(client->token->host, &message);
}

static CK_RV take_new_token(struct token *token)
{
	login_forget_all(token);
	objects_forget_all(token);
	record_look_again(token);
	remove_stored(token);
	return host_list_tokens(token->host);
}

CK_RV pinadmin_init_token(struct client *client, struct bytes so_pin, struct bytes label)
{
	struct token *token = client->token;
	struct making making = { 0 };
	struct secret chosen = { 0 };

	if (label.len != LABEL_LEN)
		return CKR_ARGUMENTS_BAD;
	memcpy(making.label, label.data, LABEL_LEN);
	if (client_is_token_used(token, NULL))
		return CKR_SESSION_EXISTS;
	TRY(login_choose_pin(client, CKU_SO, so_pin, &chosen));
	making.so_pin = secret_bytes(&chosen);
	login_suspend(token);
	token_close_all(token);
	softhsm_begin_change(token->host);
	CK_RV rv = pinguard_try(client, CKU_SO, try_init, &making);

	secret_wipe(&chosen);
	if (rv == CKR_OK)
		rv = take_new_token(token);
	softhsm_end_change(token->host, token->facts.serial);
	if (rv == CKR_OK)
		tell_alias(client);
	return rv;
}

CK_RV pinadmin_delete_token(struct client *client, struct bytes so_pin)
{
	struct link_message message = { .type = LINK_RESTART };
	struct token *token = client->token;

	if (client_is_token_used(token, client))
		return CKR_SESSION_EXISTS;
	if (!softhsm_is_maker(token))
		return CKR_FUNCTION_NOT_SUPPORTED;
	TRY(pinadmin_check(client, CKU_SO, so_pin));
	login_suspend(token);
	token_close_all(token);
	TRY(softhsm_delete_token(token->facts.serial));
	login_forget_all(token);
	remove_stored(token);
	host_tell(token->host, &message);
	return CKR_OK;
}
