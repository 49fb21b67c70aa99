/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for people: their fields, and what a provisioning certificate will make of a key. */
#include "cli_certificate.h"

#include <openssl/bio.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "certificate.h"
#include "cleanup.h"
#include "cli_error.h"
#include "cli_output.h"

enum {
	CERTIFICATE_TEXT_MAX = 4096,
	CERTIFICATE_YEARS_LONG = 40,
	CERTIFICATE_SECONDS_YEAR = 31556952
};

/* RFC 2253 order and escapes, characters beyond ASCII as UTF-8. */
static json_t *name_text(const X509_NAME *name)
{
	CLEANUP(bio) BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len;

	if (!out || X509_NAME_print_ex(out, name, 0,
			    XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) < 0)
		return NULL;
	len = BIO_get_mem_data(out, &text);
	return cli_output_text(bytes_of(text, (size_t)len));
}

static json_t *time_text(const ASN1_TIME *when)
{
	struct tm parts;
	char text[32];

	if (!ASN1_TIME_to_tm(when, &parts))
		return json_null();
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	return json_string(text);
}

static json_t *digest_text(const X509 *cert, const EVP_MD *digest)
{
	uint8_t value[EVP_MAX_MD_SIZE];
	unsigned int len;

	return X509_digest(cert, digest, value, &len) ? cli_output_hex(bytes_of(value, len))
						      : json_null();
}

void cli_certificate_describe(const X509 *cert, json_t *object)
{
	char serial[64] = "";
	bool self_signed =
		X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;

	(void)json_object_set_new(object, "subject", name_text(X509_get_subject_name(cert)));
	(void)json_object_set_new(object, "issuer", name_text(X509_get_issuer_name(cert)));
	if (certificate_serial_hex(cert, serial))
		(void)json_object_set_new(object, "certificate_serial", json_string(serial));
	(void)json_object_set_new(object, "not_before", time_text(X509_get0_notBefore(cert)));
	(void)json_object_set_new(object, "not_after", time_text(X509_get0_notAfter(cert)));
	(void)json_object_set_new(object, "self_signed", json_boolean(self_signed));
	(void)json_object_set_new(object, "sha256", digest_text(cert, EVP_sha256()));
	(void)json_object_set_new(object, "sha1", digest_text(cert, EVP_sha1()));
}

static const char *extension_name(X509_EXTENSION *extension, char buffer[CERTIFICATE_TEXT_MAX])
{
	const ASN1_OBJECT *type = X509_EXTENSION_get_object(extension);
	int nid = OBJ_obj2nid(type);

	if (nid != NID_undef)
		return OBJ_nid2ln(nid);
	(void)OBJ_obj2txt(buffer, CERTIFICATE_TEXT_MAX, type, 1);
	return buffer;
}

/* Both identifiers are made anew for the key. */
static bool extension_is_kept(X509_EXTENSION *extension)
{
	int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));

	return nid != NID_subject_key_identifier && nid != NID_authority_key_identifier;
}

static void review_extensions(const struct cli *cli, const X509 *template)
{
	for (int i = 0; i < X509_get_ext_count(template); i++) {
		X509_EXTENSION *extension = X509_get_ext(template, i);
		char buffer[CERTIFICATE_TEXT_MAX];

		cli_note(cli, "extension %s%s%s", extension_name(extension, buffer),
			X509_EXTENSION_get_critical(extension) ? ", critical" : "",
			extension_is_kept(extension) ? "" : " (made anew for the key)");
	}
}

static bool template_is_expired(X509 *template, uint32_t flags)
{
	(void)flags;
	return X509_cmp_current_time(X509_get0_notAfter(template)) < 0;
}

static bool template_is_no_ca(X509 *template, uint32_t flags)
{
	(void)template;
	return !(flags & EXFLAG_CA);
}

static bool template_cannot_sign_certificates(X509 *template, uint32_t flags)
{
	uint32_t usage = X509_get_key_usage(template);

	(void)flags;
	return usage != UINT32_MAX && !(usage & KU_KEY_CERT_SIGN);
}

static bool template_cannot_sign_crls(X509 *template, uint32_t flags)
{
	uint32_t usage = X509_get_key_usage(template);

	(void)flags;
	return usage != UINT32_MAX && !(usage & KU_CRL_SIGN);
}

static bool template_has_name_constraints(X509 *template, uint32_t flags)
{
	(void)flags;
	return X509_get_ext_by_NID(template, NID_name_constraints, -1) >= 0;
}

static bool template_has_unknown_critical(X509 *template, uint32_t flags)
{
	(void)template;
	return flags & EXFLAG_CRITICAL;
}

static bool template_is_malformed(X509 *template, uint32_t flags)
{
	(void)template;
	return flags & EXFLAG_INVALID;
}

static bool template_has_no_subject(X509 *template, uint32_t flags)
{
	(void)flags;
	return X509_NAME_entry_count(X509_get_subject_name(template)) == 0;
}

static bool template_lives_long(X509 *template, uint32_t flags)
{
	time_t late = time(NULL) + (time_t)CERTIFICATE_YEARS_LONG * CERTIFICATE_SECONDS_YEAR;

	(void)flags;
	return X509_cmp_time(X509_get0_notAfter(template), &late) > 0;
}

static const struct {
	bool (*applies)(X509 *template, uint32_t flags);
	const char *text;
} remarks[] = {
	{ template_is_malformed, "an extension is malformed or stands twice" },
	{ template_has_no_subject, "the subject is empty" },
	{ template_is_expired, "it has expired: the certificate would be refused" },
	{ template_is_no_ca,
		"basicConstraints does not say CA:TRUE: no certificate authority comes of it" },
	{ template_cannot_sign_certificates,
		"keyUsage lacks keyCertSign: it cannot sign certificates" },
	{ template_cannot_sign_crls, "keyUsage lacks cRLSign: it cannot sign revocation lists" },
	{ template_has_name_constraints, "nameConstraints limit the names it may certify" },
	{ template_has_unknown_critical,
		"a critical extension is one that OpenSSL does not know: many programs will "
		"refuse the certificate" },
	{ template_lives_long, "it ends more than 40 years from now" },
};

int cli_certificate_review(const struct cli *cli, const X509 *template)
{
	X509 *copy = X509_dup(template);
	uint32_t flags;
	int warnings = 0;

	if (!copy)
		return 0;
	flags = X509_get_extension_flags(copy);
	review_extensions(cli, template);
	for (size_t i = 0; i < ARRAY_LEN(remarks); i++)
		if (remarks[i].applies(copy, flags)) {
			cli_note(cli, "warning: %s", remarks[i].text);
			warnings++;
		}
	X509_free(copy);
	return warnings;
}
