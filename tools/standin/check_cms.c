/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a signed CMS message is what the cms job asked for. */
#include <stdlib.h>

/* Before cms.h, which declares PEM functions only then. */
#include <openssl/pem.h>

#include <openssl/cms.h>

#include "check.h"
#include "cleanup.h"
#include "json.h"
#include "text.h"

static CMS_ContentInfo *parse_pem(const char *text)
{
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(text, -1);

	return bio && check_is_one_pem(text, "CMS") ? PEM_read_bio_CMS(bio, NULL, NULL, NULL)
						    : NULL;
}

static CMS_ContentInfo *parse_smime(const char *text)
{
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(text, -1);

	return bio ? SMIME_read_CMS(bio, NULL) : NULL;
}

static CMS_ContentInfo *parse_der(const char *text)
{
	size_t len = 0;
	CLEANUP(free) uint8_t *der = text_from_base64(text, strlen(text), &len);
	const unsigned char *at = der;

	return der ? d2i_CMS_ContentInfo(NULL, &at, (long)len) : NULL;
}

static const struct {
	const char *outform;
	CMS_ContentInfo *(*parse)(const char *text);
} forms[] = {
	{ "PEM", parse_pem },
	{ "SMIME", parse_smime },
	{ "DER", parse_der },
};

static CMS_ContentInfo *parse(const char *outform, const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (strcmp(forms[i].outform, outform ? outform : "PEM") == 0)
			return forms[i].parse(text);
	}
	return NULL;
}

/* "binary" is base64url, which differs in two characters and leaves the padding out. */
static uint8_t *decode_base64url(const char *text, size_t *len)
{
	size_t count = strlen(text);
	CLEANUP(free) char *standard = calloc(1, count + 4);

	for (size_t i = 0; standard && i < count; i++)
		standard[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	for (; standard && count % 4 != 0; count++)
		standard[count] = '=';
	return standard ? text_from_base64(standard, count, len) : NULL;
}

static uint8_t *decode_hex(const char *text, size_t *len)
{
	uint8_t *data = malloc(strlen(text) / 2 + 1);

	if (data && text_from_hex(text, data, strlen(text) / 2, len))
		return data;
	free(data);
	return NULL;
}

/* Each character is a byte: two UTF-8 bytes above 0x7f become one. */
static uint8_t *decode_latin1(const char *text, size_t *len)
{
	uint8_t *data = malloc(strlen(text) + 1);
	const uint8_t *from = (const uint8_t *)text;

	*len = 0;
	while (data && *from) {
		data[*len] = *from < 0x80 ? *from : (uint8_t)((from[0] & 3) << 6 | (from[1] & 63));
		from += *from < 0x80 ? 1 : 2;
		(*len)++;
	}
	return data;
}

static uint8_t *decode_base64(const char *text, size_t *len)
{
	return text_from_base64(text, strlen(text), len);
}

static uint8_t *decode_utf8(const char *text, size_t *len)
{
	*len = strlen(text);
	return (uint8_t *)strdup(text);
}

static const struct {
	const char *encoding;
	uint8_t *(*decode)(const char *text, size_t *len);
} encodings[] = {
	{ "utf8", decode_utf8 },
	{ "base64", decode_base64 },
	{ "hex", decode_hex },
	{ "latin1", decode_latin1 },
	{ "binary", decode_base64url },
};

static uint8_t *wanted_content(const json_t *options, size_t *len)
{
	const char *encoding = json_text(options, "encoding");
	const char *data = json_text(options, "data");

	for (size_t i = 0; data && i < ARRAY_LEN(encodings); i++) {
		if (strcmp(encodings[i].encoding, encoding ? encoding : "utf8") == 0)
			return encodings[i].decode(data, len);
	}
	return NULL;
}

/* The signature with the CA's own certificate, and the content. */
static bool verifies(CMS_ContentInfo *cms, const struct check_job *job, const json_t *options)
{
	CLEANUP(bio) BIO *content = BIO_new(BIO_s_mem());
	size_t wanted_len = 0;
	CLEANUP(free) uint8_t *wanted = wanted_content(options, &wanted_len);
	STACK_OF(X509) *signers = NULL;
	char *data = NULL;

	if (!content || !wanted ||
		CMS_verify(cms, NULL, NULL, NULL, content,
			CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) != 1)
		return false;
	signers = CMS_get0_signers(cms);
	bool by_ca = sk_X509_num(signers) == 1 && X509_cmp(sk_X509_value(signers, 0), job->ca) == 0;

	sk_X509_free(signers);
	long len = BIO_get_mem_data(content, &data);

	return by_ca && bytes_equal(bytes_of(data, (size_t)len), bytes_of(wanted, wanted_len));
}

static bool has_wanted_type(CMS_ContentInfo *cms, const json_t *options)
{
	const char *wanted = json_text(options, "contenttype");
	ASN1_OBJECT *type = OBJ_txt2obj(wanted ? wanted : "1.2.840.113549.1.7.1", 1);
	bool has = type && OBJ_cmp(type, CMS_get0_eContentType(cms)) == 0;

	ASN1_OBJECT_free(type);
	return has;
}

static bool has_wanted_attributes(CMS_ContentInfo *cms, const json_t *options)
{
	const CMS_SignerInfo *signer = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
	int capabilities = CMS_signed_get_attr_by_NID(signer, NID_SMIMECapabilities, -1);
	bool wanted = !json_is_false(json_object_get(options, "smimecap"));

	return CMS_signed_get_attr_by_NID(signer, NID_pkcs9_contentType, -1) >= 0 &&
	       CMS_signed_get_attr_by_NID(signer, NID_pkcs9_signingTime, -1) >= 0 &&
	       CMS_signed_get_attr_by_NID(signer, NID_pkcs9_messageDigest, -1) >= 0 &&
	       (capabilities >= 0) == wanted && CMS_unsigned_get_attr_count(signer) <= 0;
}

static bool contains(STACK_OF(X509) * certs, const X509 *wanted)
{
	for (int i = 0; i < sk_X509_num(certs); i++) {
		if (X509_cmp(sk_X509_value(certs, i), wanted) == 0)
			return true;
	}
	return false;
}

static bool has_wanted_certs(
	CMS_ContentInfo *cms, const struct check_job *job, const json_t *options)
{
	const char *added = json_text(options, "addcerts");
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(added ? added : "", -1);
	CLEANUP(x509_stack) STACK_OF(X509) *certs = CMS_get1_certs(cms);
	bool has = bio && contains(certs, job->ca);

	while (has) {
		CLEANUP(x509) X509 *wanted = PEM_read_bio_X509(bio, NULL, NULL, NULL);

		if (!wanted)
			break;
		has = contains(certs, wanted);
	}
	return has;
}

const char *check_cms(const struct check_job *job)
{
	const json_t *options = json_object_get(job->request, "options");
	CLEANUP(cms) CMS_ContentInfo *cms = parse(json_text(options, "outform"), job->text);

	if (!cms || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)
		return "CMS: not signed data in the wanted form";
	if (!verifies(cms, job, options))
		return "CMS: signature, signer or content is wrong";
	if (!has_wanted_type(cms, options))
		return "CMS: not the wanted content type";
	if (!has_wanted_attributes(cms, options))
		return "CMS: not the wanted signed attributes";
	if (!has_wanted_certs(cms, job, options))
		return "CMS: a certificate is missing";
	return NULL;
}
