/* SPDX-License-Identifier: Apache-2.0 */
/* Which tokens a rights section of agent.conf means: a serial number, a PKCS#11 URI, or all. */
#ifndef IOTHSM_TOKEN_MATCH_H
#define IOTHSM_TOKEN_MATCH_H

#include "link.h"

/* A token as the front door knows it. */
struct token_name {
	const char *backend;
	const char *serial; /* empty: the uninitialised token */
	const char *label;  /* NULL: not known */
};

struct token_match {
	bool by_serial, by_label; /* neither: every token */
	char serial[LINK_SERIAL_LEN + 1];
	char label[32 + 1];
};

/* "*", a serial number, or "pkcs11:serial=...;token=..." (RFC 7512); false for anything else. */
bool token_match_parse(const char *text, struct token_match *match);

enum token_match_result {
	TOKEN_MATCH_NO,
	TOKEN_MATCH_YES,
	TOKEN_MATCH_PERHAPS /* the label would decide and is not known */
};

enum token_match_result token_match_judge(
	const struct token_match *match, const struct token_name *token);

#endif
