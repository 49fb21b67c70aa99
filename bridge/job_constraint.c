/* SPDX-License-Identifier: Apache-2.0 */
/* nameConstraints from OpenSSL's text form
 * "permitted;DNS:.example.com,excluded;IP:10.0.0.0/255.0.0.0". */
#include <arpa/inet.h>

#include "cleanup.h"
#include "job_parts.h"

enum { SUBTREE_TEXT_MAX = 1024 };

static inline void cleanup_constraints(NAME_CONSTRAINTS **constraints)
{
	NAME_CONSTRAINTS_free(*constraints);
}

static inline void cleanup_subtree(GENERAL_SUBTREE **subtree)
{
	GENERAL_SUBTREE_free(*subtree);
}

/* An address and its mask, both of one family (RFC 5280, 4.2.1.10). */
static bool range_parse(char *text, uint8_t *range, int *len)
{
	char *mask = strchr(text, '/');
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	size_t half = family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);

	if (!mask)
		return false;
	*mask++ = '\0';
	*len = 2 * (int)half;
	return inet_pton(family, text, range) == 1 && inet_pton(family, mask, range + half) == 1;
}

static CK_RV make_range(char *text, struct job_cause *cause, GENERAL_NAME **name)
{
	uint8_t range[2 * sizeof(struct in6_addr)];
	ASN1_OCTET_STRING *value;
	int len;

	if (!range_parse(text, range, &len))
		return job_cause_refuse(
			cause, "Invalid nameConstraints: IP needs address/mask, of one family");
	value = ASN1_OCTET_STRING_new();
	*name = GENERAL_NAME_new();
	if (!value || !*name || !ASN1_OCTET_STRING_set(value, range, len)) {
		ASN1_OCTET_STRING_free(value);
		return job_cause_memory(cause);
	}
	GENERAL_NAME_set0_value(*name, GEN_IPADD, value);
	return CKR_OK;
}

static CK_RV make_base(char *text, struct job_cause *cause, GENERAL_NAME **name)
{
	char *value = strchr(text, ':');

	if (!value)
		return job_cause_refuse(cause, "Invalid nameConstraints: %s", text);
	*value++ = '\0';
	if (strcmp(text, "IP") == 0)
		return make_range(value, cause, name);
	return job_name_make(text, value, "nameConstraints", cause, name);
}

static STACK_OF(GENERAL_SUBTREE) * *list_find(NAME_CONSTRAINTS *constraints, const char **text)
{
	static const char permitted[] = "permitted;";
	static const char excluded[] = "excluded;";

	if (strncmp(*text, permitted, strlen(permitted)) == 0) {
		*text += strlen(permitted);
		return &constraints->permittedSubtrees;
	}
	if (strncmp(*text, excluded, strlen(excluded)) == 0) {
		*text += strlen(excluded);
		return &constraints->excludedSubtrees;
	}
	return NULL;
}

static CK_RV add_subtree(
	NAME_CONSTRAINTS *constraints, const char *text, size_t len, struct job_cause *cause)
{
	CLEANUP(subtree) GENERAL_SUBTREE *subtree = GENERAL_SUBTREE_new();
	STACK_OF(GENERAL_SUBTREE) **list = list_find(constraints, &text);
	const char *end = text + strcspn(text, ",");
	char copy[SUBTREE_TEXT_MAX + 1] = { 0 };

	if (!subtree)
		return job_cause_memory(cause);
	if (!list || len > SUBTREE_TEXT_MAX)
		return job_cause_refuse(cause,
			"Invalid nameConstraints: needs permitted;TYPE:x or excluded;TYPE:x");
	memcpy(copy, text, (size_t)(end - text));
	GENERAL_NAME_free(subtree->base);
	subtree->base = NULL;
	TRY(make_base(copy, cause, &subtree->base));
	if (!*list)
		*list = sk_GENERAL_SUBTREE_new_null();
	if (!*list || !sk_GENERAL_SUBTREE_push(*list, subtree))
		return job_cause_memory(cause);
	subtree = NULL;
	return CKR_OK;
}

CK_RV job_constraint_add(X509 *cert, bool critical, const char *text, struct job_cause *cause)
{
	CLEANUP(constraints) NAME_CONSTRAINTS *constraints = NAME_CONSTRAINTS_new();

	if (!constraints)
		return job_cause_memory(cause);
	for (int count = 0;; count++) {
		size_t len;

		text += strspn(text, " ");
		len = strcspn(text, ",");
		if (count >= JOB_LIST_MAX)
			return job_cause_refuse(cause, "Invalid nameConstraints: too many names");
		TRY(add_subtree(constraints, text, len, cause));
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	return job_extension_encode(cert, NID_name_constraints, critical, constraints, cause);
}
