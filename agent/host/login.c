/* SPDX-License-Identifier: Apache-2.0 */
/* Many virtual logins over one native login of a token; the SO's is a phase of its own. */
#include "login.h"

#include <iothsm/iothsm.h>
#include <openssl/rand.h>

#include "connection.h"
#include "log.h"
#include "pinguard.h"

enum { LOGIN_ROUNDS_MAX = 3 };

CK_UTF8CHAR *login_chars(struct bytes pin)
{
	union {
		const uint8_t *given;
		CK_UTF8CHAR *taken;
	} chars = { .given = pin.data };

	return chars.taken;
}

CK_RV login_native(struct token *token, CK_USER_TYPE user, struct bytes pin)
{
	CK_SESSION_HANDLE anchor = CK_INVALID_HANDLE;

	TRY(token_hold(token, &anchor));
	TRY(token->host->functions->C_Login(anchor, user, login_chars(pin), pin.len));
	token->native_user = user;
	objects_expect_more(token);
	return CKR_OK;
}

void login_suspend(struct token *token)
{
	CK_SESSION_HANDLE anchor = CK_INVALID_HANDLE;

	if (token->native_user == USER_NOBODY)
		return;
	CK_RV rv = token_hold(token, &anchor);

	if (rv == CKR_OK)
		rv = token->host->functions->C_Logout(anchor);
	if (rv != CKR_OK)
		log_error("login: the token did not log out serial=%s rv=0x%lx",
			token->facts.serial, rv);
	token->native_user = USER_NOBODY;
	objects_invalidate(token, false);
}

void login_void_tickets(struct token *token, const uint8_t *client)
{
	struct link_message message = { .type = LINK_TICKET_VOID };

	if (client)
		memcpy(message.client, client, sizeof(message.client));
	memcpy(message.serial, token->facts.serial, sizeof(message.serial));
	ticket_forget(&token->tickets, client);
	host_tell(token->host, &message);
}

/* Nobody is logged in any more, whatever was before. */
void login_forget_all(struct token *token)
{
	client_log_out_all(token);
	pins_set_user(token->pins, bytes_of(NULL, 0));
	login_void_tickets(token, NULL);
}

/* After an SO phase or a check: the login of the clients that stayed. */
void login_resume(struct token *token)
{
	struct secret pin = { 0 };

	if (token->users == 0 || token->native_user == CKU_USER)
		return;
	CK_RV rv = pins_copy_user(token->pins, &pin)
			   ? login_native(token, CKU_USER, secret_bytes(&pin))
			   : CKR_USER_NOT_LOGGED_IN;

	secret_wipe(&pin);
	if (rv == CKR_OK)
		return;
	log_error("login: the token does not take the user PIN again, clients are logged out "
		  "serial=%s "
		  "rv=0x%lx",
		token->facts.serial, rv);
	login_forget_all(token);
}

static CK_RV check_free(const struct client *client, CK_USER_TYPE wanted)
{
	if (client->login == USER_NOBODY)
		return CKR_OK;
	return client->login == wanted ? CKR_USER_ALREADY_LOGGED_IN
				       : CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
}

CK_RV login_check_suspendable(struct token *token)
{
	uid_t uid = 0;
	pid_t pid = 0;

	if (!object_private_holder(token, &uid, &pid))
		return CKR_OK;
	log_warn("login: the SO has to wait for a program with private session objects, which the "
		 "token would destroy serial=%s uid=%u pid=%d",
		token->facts.serial, (unsigned)uid, (int)pid);
	return CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
}

struct attempt {
	CK_USER_TYPE user;
	struct bytes pin;
};

static CK_RV try_login(struct token *token, void *context)
{
	const struct attempt *attempt = context;

	return login_native(token, attempt->user, attempt->pin);
}

CK_RV login_check_by_hash(struct client *client, struct bytes pin)
{
	struct token *token = client->token;

	if (token->users == 0)
		return CKR_USER_NOT_LOGGED_IN;
	/* A queue of slow checks is no hang of the backend: a hundred clients may come at once. */
	connection_expect_long();
	(void)pthread_mutex_lock(&token->pins->check);
	CK_RV rv = pinguard_admit(client);

	if (rv == CKR_OK) {
		rv = pins_check_user(token->pins, pin);
		pinguard_record(client, rv);
	}
	(void)pthread_mutex_unlock(&token->pins->check);
	return rv;
}

static bool is_current(struct token *token, struct bytes pin)
{
	struct secret known = { 0 };
	bool current = pins_copy_user(token->pins, &known) && secret_equal(&known, pin);

	secret_wipe(&known);
	return current;
}

/* CKR_FUNCTION_CANCELED: the PIN that was checked is another one now. */
static CK_RV log_in_inside(struct client *client, struct bytes pin, bool checked)
{
	struct token *token = client->token;
	struct attempt attempt = { CKU_USER, pin };

	TRY(check_free(client, CKU_USER));
	if (token->users > 0 && !(checked && is_current(token, pin)))
		return CKR_FUNCTION_CANCELED;
	if (token->users == 0) {
		login_suspend(token);
		TRY(pinguard_try(client, CKU_USER, try_login, &attempt));
		pins_set_user(token->pins, pin);
	}
	token->users++;
	client->login = CKU_USER;
	return CKR_OK;
}

static CK_RV log_in_alone(struct client *client, struct bytes pin)
{
	for (int i = 0; i < LOGIN_ROUNDS_MAX; i++) {
		CK_RV checked = login_check_by_hash(client, pin);

		if (checked != CKR_OK && checked != CKR_USER_NOT_LOGGED_IN)
			return checked;
		TRY(token_enter(client->token, client, GATE_EXCLUSIVE, TOKEN_WAIT_MS));
		CK_RV rv = log_in_inside(client, pin, checked == CKR_OK);

		token_leave(client->token, client);
		if (rv != CKR_FUNCTION_CANCELED)
			return rv;
	}
	return CKR_DEVICE_ERROR;
}

/* One after the other, so that nobody logs in between the check and the turn: a crowd that comes
 * and goes would otherwise make each other's checks worthless, again and again. */
static CK_RV log_in(struct client *client, struct bytes pin)
{
	struct pins *pins = client->token->pins;

	connection_pause_watch();
	(void)pthread_mutex_lock(&pins->login);
	connection_restart_watch();
	CK_RV rv = log_in_alone(client, pin);

	(void)pthread_mutex_unlock(&pins->login);
	return rv;
}

static CK_RV make_ticket(struct client *client, struct bytes pin, uint8_t *ticket)
{
	struct link_message message = { .type = LINK_TICKET, .uid = client->uid, .user = CKU_USER };

	if (RAND_bytes(ticket, WIRE_TICKET_LEN) != 1 || !secret_set(&message.secret, pin))
		return CKR_FUNCTION_FAILED;
	memcpy(message.client, client->id, sizeof(message.client));
	memcpy(message.serial, client->token->facts.serial, sizeof(message.serial));
	memcpy(message.ticket, ticket, WIRE_TICKET_LEN);
	CK_RV rv = ticket_keep(&client->token->tickets, &message);

	if (rv == CKR_OK)
		host_tell(client->token->host, &message);
	secret_wipe(&message.secret);
	return rv;
}

/* A kept PIN that the token refuses is not tried again, by no later host either: it would burn the
 * token's tries. */
static void drop_kept(struct token *token, CK_USER_TYPE user)
{
	struct link_message message = { .type = LINK_FORGET_PIN, .user = user };

	log_error("login: the token refuses the PIN that the agent keeps, keep the right one "
		  "serial=%s",
		token->facts.serial);
	pins_set_kept(token->pins, user, bytes_of(NULL, 0));
	memcpy(message.serial, token->facts.serial, sizeof(message.serial));
	host_tell(token->host, &message);
}

/* The PIN to use: the given one, or the kept one for those who may use it. */
CK_RV login_choose_pin(
	struct client *client, CK_USER_TYPE user, struct bytes pin, struct secret *chosen)
{
	CK_FLAGS needed = user == CKU_SO ? IOTHSM_RIGHT_KEPT_SO_PIN : IOTHSM_RIGHT_KEPT_PIN;

	if (pin.data)
		return secret_set(chosen, pin) ? CKR_OK : CKR_PIN_LEN_RANGE;
	if (!(client->rights & needed) || !pins_copy_kept(client->token->pins, user, chosen))
		return CKR_ARGUMENTS_BAD;
	return CKR_OK;
}

CK_RV login_user(struct client *client, struct bytes pin, uint8_t *ticket, bool *has_ticket)
{
	struct secret chosen = { 0 };

	TRY(check_free(client, CKU_USER));
	TRY(login_choose_pin(client, CKU_USER, pin, &chosen));
	CK_RV rv = log_in(client, secret_bytes(&chosen));

	if (rv == CKR_OK)
		*has_ticket = make_ticket(client, secret_bytes(&chosen), ticket) == CKR_OK;
	if (rv == CKR_PIN_INCORRECT && !pin.data)
		drop_kept(client->token, CKU_USER);
	secret_wipe(&chosen);
	return rv;
}

CK_RV login_restore(struct client *client, CK_USER_TYPE user, struct bytes ticket)
{
	struct token *token = client->token;
	struct secret pin = { 0 };

	if (!ticket_redeem(&token->tickets, client->id, client->uid, user, ticket, &pin))
		return CKR_USER_NOT_LOGGED_IN;
	CK_RV rv = client->login == CKU_USER ? CKR_OK : log_in(client, secret_bytes(&pin));

	secret_wipe(&pin);
	if (rv == CKR_PIN_INCORRECT) {
		login_void_tickets(token, NULL);
		rv = CKR_USER_NOT_LOGGED_IN;
	}
	return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv;
}

static CK_RV try_context(struct token *token, void *context)
{
	struct attempt *attempt = context;
	CK_SESSION_HANDLE session = attempt->user;

	return token->host->functions->C_Login(
		session, CKU_CONTEXT_SPECIFIC, login_chars(attempt->pin), attempt->pin.len);
}

CK_RV login_context(struct session *session, struct bytes pin)
{
	struct attempt attempt = { .user = session->native };
	struct secret chosen = { 0 };

	if (session->active == 0)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (session->client->login != CKU_USER)
		return CKR_USER_NOT_LOGGED_IN;
	TRY(login_choose_pin(session->client, CKU_USER, pin, &chosen));
	attempt.pin = secret_bytes(&chosen);
	CK_RV rv = pinguard_try(session->client, CKU_USER, try_context, &attempt);

	if (rv == CKR_PIN_INCORRECT && !pin.data)
		drop_kept(session->client->token, CKU_USER);
	secret_wipe(&chosen);
	return rv;
}

static CK_RV begin_so(struct client *client, struct bytes pin)
{
	struct token *token = client->token;
	struct attempt attempt = { CKU_SO, pin };

	TRY(check_free(client, CKU_SO));
	TRY(login_check_suspendable(token));
	login_suspend(token);
	CK_RV rv = pinguard_try(client, CKU_SO, try_login, &attempt);

	if (rv != CKR_OK) {
		login_resume(token);
		return rv;
	}
	client->login = CKU_SO;
	token->so_client = client;
	gate_set_owner(&token->gate, client);
	return CKR_OK;
}

static bool has_read_only(struct client *client)
{
	(void)pthread_mutex_lock(&client->lock);
	bool has = client->read_only_sessions > 0;

	(void)pthread_mutex_unlock(&client->lock);
	return has;
}

CK_RV login_so(struct client *client, struct bytes pin)
{
	struct secret chosen = { 0 };

	TRY(check_free(client, CKU_SO));
	if (has_read_only(client))
		return CKR_SESSION_READ_ONLY_EXISTS;
	TRY(login_choose_pin(client, CKU_SO, pin, &chosen));
	CK_RV rv = token_enter(client->token, client, GATE_EXCLUSIVE, TOKEN_WAIT_MS);

	if (rv == CKR_OK) {
		rv = begin_so(client, secret_bytes(&chosen));
		token_leave(client->token, client);
	}
	if (rv == CKR_PIN_INCORRECT && !pin.data)
		drop_kept(client->token, CKU_SO);
	secret_wipe(&chosen);
	return rv;
}

static void end_so(struct token *token)
{
	if (token->so_client) {
		token->so_client->login = USER_NOBODY;
		token->so_client->epoch++;
	}
	token->so_client = NULL;
	login_suspend(token);
	login_resume(token);
	gate_set_owner(&token->gate, NULL);
}

void login_expire_so(struct token *token)
{
	log_warn("login: others wait and the SO made no call for %d s or stays for more than %d s, "
		 "its login ends serial=%s",
		TOKEN_SO_IDLE_MS / 1000, GATE_OWNER_MAX_MS / 1000, token->facts.serial);
	end_so(token);
}

/* What the token itself will not end by a logout, as others are still logged in. */
static void destroy_private_objects(struct client *client)
{
	struct token *token = client->token;
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;

	while (object_take_private(token, client, &object)) {
		if (session == CK_INVALID_HANDLE && token_take_session(token, &session) != CKR_OK)
			return;
		CK_RV rv = token->host->functions->C_DestroyObject(session, object);

		if (rv != CKR_OK)
			log_warn("login: a session object stays behind rv=0x%lx", rv);
	}
	if (session != CK_INVALID_HANDLE)
		token_put_session(token, session);
}

static void end_user(struct client *client)
{
	struct token *token = client->token;

	destroy_private_objects(client);
	client->login = USER_NOBODY;
	client->epoch++;
	login_void_tickets(token, client->id);
	if (--token->users > 0)
		return;
	login_suspend(token);
	pins_set_user(token->pins, bytes_of(NULL, 0));
}

static CK_RV log_out_inside(struct client *client)
{
	if (client->login == USER_NOBODY)
		return CKR_USER_NOT_LOGGED_IN;
	if (client->login == CKU_SO)
		end_so(client->token);
	else
		end_user(client);
	return CKR_OK;
}

CK_RV login_logout(struct client *client)
{
	TRY(token_enter(client->token, client, GATE_EXCLUSIVE, TOKEN_WAIT_MS));
	CK_RV rv = log_out_inside(client);

	token_leave(client->token, client);
	return rv;
}

/* Its end must not depend on how busy the token is; a token that hangs ends the host by its
 * watchdog. */
void login_end(struct client *client)
{
	while (client->login != USER_NOBODY) {
		CK_RV rv = login_logout(client);

		if (rv != CKR_OK && rv != CKR_USER_NOT_LOGGED_IN)
			log_warn("login: waiting to log a client out serial=%s rv=0x%lx",
				client->token->facts.serial, rv);
	}
}
