/* SPDX-License-Identifier: Apache-2.0 */
/* One call on its way through the host, and the handlers that dispatch names in its table. */
#ifndef IOTHSM_CALL_H
#define IOTHSM_CALL_H

#include "mechanism.h"
#include "session.h"

/* What a reply may carry beside its own few fields. */
#define CALL_OUTPUT_MAX (WIRE_FRAME_MAX - 4096UL)

struct request {
	const Call *call;
	Reply *reply;
	struct arena *arena;
	struct client *client;
	struct token *token;
	CK_FUNCTION_LIST *functions;
	struct session *session;            /* locked; NULL for calls on the slot */
	CK_MECHANISM mechanism;             /* when call->has_mechanism */
	struct object_view object, object2; /* where the rule names them */
	const char *class;   /* of what is signed, as the policy sees it; NULL: it was not asked */
	const char *verdict; /* of the policy, where it lets pass what it would refuse; else NULL */
};

/* The C_* prototypes know no const; a library does not write to its input. */
static inline CK_BYTE *call_input(struct bytes input)
{
	union {
		const uint8_t *given;
		CK_BYTE *taken;
	} bytes = { .given = input.data };

	return bytes.taken;
}

typedef CK_RV call_handler(struct request *request);

call_handler call_get_token_info, call_get_mechanism_list, call_get_mechanism_info, call_init_token;
call_handler call_open_session, call_close_session, call_close_all_sessions, call_get_session_info;
call_handler call_login, call_login_user, call_logout, call_init_pin, call_set_pin,
	call_restore_login;
call_handler call_keep_pin, call_forget_pin, call_clear_guard, call_delete_token, call_rights;
call_handler call_create_object, call_copy_object, call_destroy_object, call_get_object_size;
call_handler call_get_attribute_value, call_set_attribute_value;
call_handler call_find_objects_init, call_find_objects, call_find_objects_final;
call_handler call_generate_key, call_generate_key_pair, call_wrap_key, call_unwrap_key,
	call_derive_key;
call_handler call_seed_random, call_generate_random, call_session_cancel;
call_handler call_encrypt_init, call_encrypt, call_encrypt_update, call_encrypt_final;
call_handler call_decrypt_init, call_decrypt, call_decrypt_update, call_decrypt_final;
call_handler call_digest_init, call_digest, call_digest_update, call_digest_key, call_digest_final;
call_handler call_sign_init, call_sign, call_sign_update, call_sign_final;
call_handler call_sign_recover_init, call_sign_recover;
call_handler call_verify_init, call_verify, call_verify_update, call_verify_final;
call_handler call_verify_recover_init, call_verify_recover;
call_handler call_digest_encrypt_update, call_decrypt_digest_update, call_sign_encrypt_update;
call_handler call_decrypt_verify_update;

#endif
