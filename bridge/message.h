/* SPDX-License-Identifier: Apache-2.0 */
/* The four PubNub messages and the two HTTPS bodies of the platform's protocol, as structures. */
#ifndef IOTHSM_MESSAGE_H
#define IOTHSM_MESSAGE_H

#include <jansson.h>

#include "bytes.h"

enum { MESSAGE_FIELD_MAX = 256, MESSAGE_TTL_DEFAULT_SECONDS = 5 };

enum message_type { MESSAGE_SOLICIT = 1, MESSAGE_OFFER, MESSAGE_REQUEST, MESSAGE_RESPONSE };

/* The unsigned part of a payload; nothing in it is trusted. Text fields are empty when absent or
 * null. */
struct message {
	enum message_type type;
	char uuid[MESSAGE_FIELD_MAX]; /* whom it addresses; empty: everybody */
	char siguuid[MESSAGE_FIELD_MAX];
	char signtype[MESSAGE_FIELD_MAX];
	double ttl_seconds; /* the default when 0 or absent, negative when not numeric */
	bool has_caindex;
	int64_t caindex;
	const char *smime; /* belongs to the JSON value */
};

/* False for any payload that is no object of a known type with an smime text. */
bool message_parse(const json_t *payload, struct message *message);

/* Signed or encrypted contents. Text fields are required and bounded; false otherwise. */
struct message_solicit {
	char serial[MESSAGE_FIELD_MAX];
	char thumbprint[MESSAGE_FIELD_MAX];
	char siguuid[MESSAGE_FIELD_MAX];
};
bool message_parse_solicit(struct bytes content, struct message_solicit *solicit);

struct message_request {
	char siguuid[MESSAGE_FIELD_MAX];
	json_t *request; /* an owned reference; the whole "request" object */
};
bool message_parse_request(struct bytes content, struct message_request *request);
void message_request_reset(struct message_request *request);

struct message_offer {
	char uuid[MESSAGE_FIELD_MAX];
	char siguuid[MESSAGE_FIELD_MAX];
	int64_t caindex;
};
bool message_parse_offer(struct bytes content, struct message_offer *offer);

struct message_result {
	bool success;
	char siguuid[MESSAGE_FIELD_MAX];
	char *text; /* owned */
};
bool message_parse_result(struct bytes content, struct message_result *result);
void message_result_reset(struct message_result *result);

/*
 * The texts in the reference's exact key order, compact JSON, NUL-terminated, freed by the caller;
 * NULL when out of memory. Those with an smime argument are PubNub payloads or HTTPS bodies, the
 * others contents to be sealed.
 */
char *message_solicit_content(const char *serial, const char *thumbprint, const char *siguuid);
char *message_offer_content(const char *uuid, int64_t caindex, const char *siguuid);
char *message_request_content(const char *siguuid, json_t *request);
char *message_result_content(bool success, const char *siguuid, const char *text);
char *message_registration_content(const char *serial, const char *thumbprint);
char *message_solicit_payload(const char *uuid, double ttl_seconds, const char *smime);
char *message_offer_payload(const char *uuid, const char *siguuid, const char *smime);
/* An siguuid of NULL is left out: it is part of the unsigned fields that nobody needs. */
char *message_request_payload(const char *uuid, const char *siguuid, int64_t caindex,
	const char *signtype, double ttl_seconds, const char *smime);
char *message_response_payload(const char *uuid, const char *siguuid, const char *smime);
char *message_registration_body(const char *serial, const char *thumbprint, const char *smime);
char *message_delivery_body(const char *smime);

#endif
