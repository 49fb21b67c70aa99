/* SPDX-License-Identifier: Apache-2.0 */
/* The block of a new CA: exactly what its certificate allows, and observed until somebody decides.
 */
#include <openssl/x509v3.h>
#include <time.h>

#include "cleanup.h"
#include "policy_file.h"
#include "text.h"

enum { LINE_MAX_LEN = 128 };

static bool is_authority(X509 *cert)
{
	return (X509_get_extension_flags(cert) & (EXFLAG_CA | EXFLAG_INVALID)) == EXFLAG_CA;
}

/* The right that the certificate gives by its key usage; without one it has all. */
static bool may(X509 *cert, uint32_t usage)
{
	return (X509_get_extension_flags(cert) & EXFLAG_KUSAGE) == 0 ||
	       (X509_get_key_usage(cert) & usage) != 0;
}

/* Whoever may have at most this many CAs below gives them one less. */
static const char *write_path(X509 *cert, char line[LINE_MAX_LEN])
{
	long length = X509_get_pathlen(cert);

	line[0] = '\0';
	if (length > 0)
		(void)snprintf(line, LINE_MAX_LEN, "\tpath_length = %ld\n", length - 1);
	return line;
}

static bool write_end(const X509 *cert, char line[LINE_MAX_LEN])
{
	struct tm end;

	return ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) == 1 &&
	       strftime(line, LINE_MAX_LEN, "\tnot_after = \"%Y-%m-%dT%H:%M:%SZ\"\n", &end) > 0;
}

bool policy_write_default(const X509 *given, char text[POLICY_TEXT_MAX])
{
	CLEANUP(x509) X509 *cert = X509_dup(given); /* its flags are found by writing to it */
	char path[LINE_MAX_LEN], end[LINE_MAX_LEN], spki[2 * SIGNED_SPKI_LEN + 1];
	uint8_t hash[SIGNED_SPKI_LEN];

	if (!cert || !is_authority(cert) || !X509_get0_pubkey(cert) ||
		!signed_hash_key(X509_get0_pubkey(cert), hash) || !write_end(cert, end))
		return false;
	text_hex(spki, bytes_of(hash, sizeof(hash)));
	const char *issues = may(cert, KU_KEY_CERT_SIGN) ? ", leaf, ephemeral" : "";
	const char *delegates = *issues && X509_get_pathlen(cert) != 0 ? ", ca" : "";
	const char *revokes = may(cert, KU_CRL_SIGN) ? ", crl" : "";

	int len = snprintf(text, POLICY_TEXT_MAX,
		"# What the certificate of this CA allows, written when it was stored. A block of\n"
		"# the same key in policy.conf takes its place; see iothsm-policy.conf(5).\n"
		"key \"%s\" {\n\tobserve = yes\n\tclasses = {self, request, cms%s%s%s}\n%s%s}\n",
		spki, issues, delegates, revokes, write_path(cert, path), end);

	return len > 0 && len < POLICY_TEXT_MAX;
}
