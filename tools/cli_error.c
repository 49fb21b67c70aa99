/* SPDX-License-Identifier: Apache-2.0 */
/* How the command line says that something failed: what, where, the PKCS#11 name, and what to do
 * next. */
#include "cli_error.h"

#include <stdarg.h>
#include <stdio.h>

#include "bytes.h"

enum error_place { PLACE_CLIENT, PLACE_AGENT, PLACE_HOST, PLACE_TOKEN };

struct error_rule {
	CK_RV rv;
	const char *name;
	enum error_place place;
	enum cli_exit status;
	const char *hint; /* NULL: the name says all there is */
};

#define RULE(rv, place, status, hint)                                                              \
	{                                                                                          \
		rv, #rv, PLACE_##place, CLI_##status, hint                                         \
	}

static const struct error_rule rules[] = {
	RULE(CKR_OK, CLIENT, OK, "nothing failed"),
	RULE(CKR_CANCEL, TOKEN, FAILURE, "the operation was cancelled"),
	RULE(CKR_HOST_MEMORY, CLIENT, FAILURE, "out of memory"),
	RULE(CKR_SLOT_ID_INVALID, AGENT, ABSENT, "the token has gone; see iothsm token list"),
	RULE(CKR_GENERAL_ERROR, TOKEN, FAILURE, "see the log of iothsm-agent"),
	RULE(CKR_FUNCTION_FAILED, TOKEN, FAILURE, "see the log of iothsm-agent"),
	RULE(CKR_ARGUMENTS_BAD, TOKEN, FAILURE, "the token does not accept these values"),
	RULE(CKR_NO_EVENT, AGENT, FAILURE, NULL),
	RULE(CKR_NEED_TO_CREATE_THREADS, CLIENT, FAILURE, NULL),
	RULE(CKR_CANT_LOCK, CLIENT, FAILURE, NULL),
	RULE(CKR_ATTRIBUTE_READ_ONLY, TOKEN, REFUSED, "this attribute cannot be set"),
	RULE(CKR_ATTRIBUTE_SENSITIVE, TOKEN, REFUSED, "this value never leaves the token"),
	RULE(CKR_ATTRIBUTE_TYPE_INVALID, TOKEN, FAILURE, "the token does not know an attribute"),
	RULE(CKR_ATTRIBUTE_VALUE_INVALID, TOKEN, REFUSED,
		"a value does not fit the token or the key; nothing was changed"),
	RULE(CKR_DATA_INVALID, TOKEN, INPUT, "the input is not of the expected kind"),
	RULE(CKR_DATA_LEN_RANGE, TOKEN, INPUT, "the input is too long or too short"),
	RULE(CKR_DEVICE_ERROR, HOST, FAILURE,
		"the token or its host failed; try again, then see the log of iothsm-agent"),
	RULE(CKR_DEVICE_MEMORY, TOKEN, FAILURE, "the token is full; delete what is not needed"),
	RULE(CKR_DEVICE_REMOVED, TOKEN, ABSENT, "plug the token in again"),
	RULE(CKR_ENCRYPTED_DATA_INVALID, TOKEN, INPUT, NULL),
	RULE(CKR_ENCRYPTED_DATA_LEN_RANGE, TOKEN, INPUT, NULL),
	RULE(CKR_FUNCTION_CANCELED, TOKEN, FAILURE, "the operation was cancelled"),
	RULE(CKR_FUNCTION_NOT_PARALLEL, CLIENT, FAILURE, NULL),
	RULE(CKR_FUNCTION_NOT_SUPPORTED, TOKEN, REFUSED, "this token or module cannot do that"),
	RULE(CKR_FUNCTION_REJECTED, AGENT, REFUSED,
		"your user has no right to this; see \"rights\" in agent.conf"),
	RULE(CKR_KEY_HANDLE_INVALID, TOKEN, NOT_FOUND, "the key has gone; see iothsm key list"),
	RULE(CKR_KEY_SIZE_RANGE, TOKEN, REFUSED, "the token has no keys of this size"),
	RULE(CKR_KEY_TYPE_INCONSISTENT, TOKEN, REFUSED, "the key is of another type"),
	RULE(CKR_KEY_NOT_NEEDED, TOKEN, FAILURE, NULL),
	RULE(CKR_KEY_CHANGED, TOKEN, FAILURE, NULL),
	RULE(CKR_KEY_NEEDED, TOKEN, FAILURE, NULL),
	RULE(CKR_KEY_INDIGESTIBLE, TOKEN, REFUSED, NULL),
	RULE(CKR_KEY_FUNCTION_NOT_PERMITTED, TOKEN, REFUSED, "the key is not made for this use"),
	RULE(CKR_KEY_NOT_WRAPPABLE, TOKEN, REFUSED, NULL),
	RULE(CKR_KEY_UNEXTRACTABLE, TOKEN, REFUSED, "the key never leaves the token"),
	RULE(CKR_MECHANISM_INVALID, TOKEN, REFUSED,
		"this token cannot do that, or the module is not libiothsm-pkcs11.so"),
	RULE(CKR_MECHANISM_PARAM_INVALID, TOKEN, REFUSED,
		"the token does not take these parameters"),
	RULE(CKR_OBJECT_HANDLE_INVALID, TOKEN, NOT_FOUND, "the object has gone"),
	RULE(CKR_OPERATION_ACTIVE, TOKEN, FAILURE, "another operation is running; try again"),
	RULE(CKR_OPERATION_NOT_INITIALIZED, TOKEN, FAILURE, "the operation was ended; try again"),
	RULE(CKR_PIN_INCORRECT, TOKEN, PIN, "the PIN is wrong"),
	RULE(CKR_PIN_INVALID, TOKEN, PIN, "the PIN has characters that the token does not take"),
	RULE(CKR_PIN_LEN_RANGE, TOKEN, PIN, "the PIN is too short or too long for the token"),
	RULE(CKR_PIN_EXPIRED, TOKEN, PIN, "set a new PIN: iothsm pin change"),
	RULE(CKR_PIN_LOCKED, TOKEN, PIN,
		"too many wrong PINs: wait ten minutes or use iothsm pin unlock; if the token "
		"itself is "
		"locked, the SO sets a new PIN"),
	RULE(CKR_SESSION_CLOSED, TOKEN, FAILURE, "the session was closed; try again"),
	RULE(CKR_SESSION_COUNT, TOKEN, FAILURE, "too many sessions are open; close other programs"),
	RULE(CKR_SESSION_HANDLE_INVALID, TOKEN, FAILURE, "the session was closed; try again"),
	RULE(CKR_SESSION_PARALLEL_NOT_SUPPORTED, CLIENT, FAILURE, NULL),
	RULE(CKR_SESSION_READ_ONLY, TOKEN, FAILURE, "a read-write session is needed"),
	RULE(CKR_SESSION_EXISTS, TOKEN, REFUSED, "other programs use the token; end them first"),
	RULE(CKR_SESSION_READ_ONLY_EXISTS, TOKEN, REFUSED, "a read-only session is open"),
	RULE(CKR_SESSION_READ_WRITE_SO_EXISTS, TOKEN, REFUSED, "the SO is logged in; try again"),
	RULE(CKR_SIGNATURE_INVALID, TOKEN, REFUSED, "the certificate is not for this key"),
	RULE(CKR_SIGNATURE_LEN_RANGE, TOKEN, FAILURE, NULL),
	RULE(CKR_TEMPLATE_INCOMPLETE, TOKEN, REFUSED, "the token wants more attributes"),
	RULE(CKR_TEMPLATE_INCONSISTENT, TOKEN, REFUSED, "the token does not take this combination"),
	RULE(CKR_TOKEN_NOT_PRESENT, TOKEN, ABSENT, "the token is not there; see iothsm status"),
	RULE(CKR_TOKEN_NOT_RECOGNIZED, TOKEN, ABSENT, "the token is of an unknown kind"),
	RULE(CKR_TOKEN_WRITE_PROTECTED, TOKEN, REFUSED, "the token cannot be written"),
	RULE(CKR_UNWRAPPING_KEY_HANDLE_INVALID, TOKEN, NOT_FOUND, NULL),
	RULE(CKR_UNWRAPPING_KEY_SIZE_RANGE, TOKEN, REFUSED, NULL),
	RULE(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, TOKEN, REFUSED, NULL),
	RULE(CKR_USER_ALREADY_LOGGED_IN, TOKEN, FAILURE, "the user is logged in already"),
	RULE(CKR_USER_NOT_LOGGED_IN, TOKEN, PIN,
		"log in first, with --pin-file or at the terminal"),
	RULE(CKR_USER_PIN_NOT_INITIALIZED, TOKEN, PIN, "the token has no user PIN; the SO sets it"),
	RULE(CKR_USER_TYPE_INVALID, TOKEN, REFUSED, "the token has no such user"),
	RULE(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, TOKEN, REFUSED, "another user is logged in"),
	RULE(CKR_USER_TOO_MANY_TYPES, TOKEN, FAILURE, NULL),
	RULE(CKR_WRAPPED_KEY_INVALID, TOKEN, INPUT, NULL),
	RULE(CKR_WRAPPED_KEY_LEN_RANGE, TOKEN, INPUT, NULL),
	RULE(CKR_WRAPPING_KEY_HANDLE_INVALID, TOKEN, NOT_FOUND, NULL),
	RULE(CKR_WRAPPING_KEY_SIZE_RANGE, TOKEN, REFUSED, NULL),
	RULE(CKR_WRAPPING_KEY_TYPE_INCONSISTENT, TOKEN, REFUSED, NULL),
	RULE(CKR_RANDOM_SEED_NOT_SUPPORTED, TOKEN, REFUSED, NULL),
	RULE(CKR_RANDOM_NO_RNG, TOKEN, REFUSED, "the token has no random numbers"),
	RULE(CKR_DOMAIN_PARAMS_INVALID, TOKEN, REFUSED, "the token does not have this curve"),
	RULE(CKR_CURVE_NOT_SUPPORTED, TOKEN, REFUSED, "the token does not have this curve"),
	RULE(CKR_BUFFER_TOO_SMALL, CLIENT, FAILURE, NULL),
	RULE(CKR_SAVED_STATE_INVALID, CLIENT, FAILURE, NULL),
	RULE(CKR_INFORMATION_SENSITIVE, TOKEN, REFUSED, NULL),
	RULE(CKR_STATE_UNSAVEABLE, TOKEN, REFUSED, NULL),
	RULE(CKR_CRYPTOKI_NOT_INITIALIZED, CLIENT, FAILURE, NULL),
	RULE(CKR_CRYPTOKI_ALREADY_INITIALIZED, CLIENT, FAILURE, NULL),
	RULE(CKR_MUTEX_BAD, CLIENT, FAILURE, NULL),
	RULE(CKR_MUTEX_NOT_LOCKED, CLIENT, FAILURE, NULL),
	RULE(CKR_TOKEN_RESOURCE_EXCEEDED, TOKEN, FAILURE, "the token is full or busy"),
	RULE(CKR_OPERATION_CANCEL_FAILED, TOKEN, FAILURE, NULL),
	RULE(CKR_IOTHSM_TEMPLATE_INVALID, HOST, INPUT,
		"the input is no certificate that can be used; get it from the platform again"),
	RULE(CKR_IOTHSM_TEMPLATE_EXPIRED, HOST, INPUT,
		"the provisioning certificate has expired; get a new one from the platform"),
	RULE(CKR_IOTHSM_KEY_MISMATCH, HOST, REFUSED,
		"the certificate has another public key; check --id and the file"),
	RULE(CKR_IOTHSM_NO_KEY, HOST, NOT_FOUND,
		"no private key, or its public key is not on the token; see iothsm key list"),
	RULE(CKR_IOTHSM_SLOT_IN_USE, HOST, REFUSED,
		"this id names a key or certificate already; take another --id"),
	RULE(CKR_IOTHSM_SO_REQUIRED, HOST, PIN,
		"the SO PIN (management key) is needed too: iothsm pin keep --so"),
	RULE(CKR_IOTHSM_POLICY, HOST, REFUSED, "the policy of the key or of the agent forbids it"),
	RULE(CKR_IOTHSM_PIN_GUARD, HOST, PIN,
		"one more wrong PIN would lock the token; make sure of the PIN, then iothsm pin "
		"unlock"),
	RULE(CKR_IOTHSM_STORE_FULL, AGENT, FAILURE,
		"the agent's object store is full; make room below /var/lib/iothsm"),
};

static const struct error_rule *error_find(CK_RV rv)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].rv == rv)
			return &rules[i];
	return NULL;
}

const char *cli_error_name(CK_RV rv)
{
	const struct error_rule *rule = error_find(rv);

	return rule ? rule->name : NULL;
}

const char *cli_error_hint(CK_RV rv)
{
	const struct error_rule *rule = error_find(rv);

	return rule && rule->hint ? rule->hint : "see the log of iothsm-agent";
}

enum cli_exit cli_error_exit(CK_RV rv)
{
	const struct error_rule *rule = error_find(rv);

	return rule ? rule->status : CLI_FAILURE;
}

/* Beside a wrong PIN: what the token itself says about its tries. */
static const char *error_tries(const struct cli *cli, CK_RV rv)
{
	if (rv != CKR_PIN_INCORRECT)
		return "";
	if (cli->token_flags & (CKF_USER_PIN_LOCKED | CKF_SO_PIN_LOCKED))
		return " (the token is locked now)";
	if (cli->token_flags & (CKF_USER_PIN_FINAL_TRY | CKF_SO_PIN_FINAL_TRY))
		return " (one more wrong PIN locks the token)";
	return cli->admin ? " (three wrong PINs in ten minutes lock this user out)" : "";
}

static void error_print_place(const struct cli *cli, const struct error_rule *rule)
{
	static const char *const places[] = { [PLACE_CLIENT] = "client",
		[PLACE_AGENT] = "agent",
		[PLACE_HOST] = "host",
		[PLACE_TOKEN] = "token" };
	enum error_place place = rule ? rule->place : PLACE_TOKEN;

	(void)fprintf(stderr, "iothsm: %s: %s", cli->command, places[place]);
	if (cli->serial[0] && place >= PLACE_HOST)
		(void)fprintf(stderr, "%s %s", place == PLACE_HOST ? " of token" : "", cli->serial);
	(void)fputs(": ", stderr);
}

CK_RV cli_error(struct cli *cli, CK_RV rv, const char *format, ...)
{
	const struct error_rule *rule = error_find(rv);
	va_list arguments;

	error_print_place(cli, rule);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	if (rule)
		(void)fprintf(stderr, ": %s: ", rule->name);
	else
		(void)fprintf(stderr, ": CKR 0x%08lx: ", (unsigned long)rv);
	(void)fprintf(stderr, "%s%s\n", cli_error_hint(rv), error_tries(cli, rv));
	cli->status = cli_error_exit(rv);
	return rv;
}

CK_RV cli_refuse(struct cli *cli, enum cli_exit status, const char *format, ...)
{
	va_list arguments;

	(void)fprintf(
		stderr, "iothsm: %s%s", cli->command ? cli->command : "", cli->command ? ": " : "");
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	cli->status = status;
	return CKR_FUNCTION_FAILED;
}

void cli_note(const struct cli *cli, const char *format, ...)
{
	va_list arguments;

	(void)fprintf(stderr, "iothsm: %s: ", cli->command);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
}
