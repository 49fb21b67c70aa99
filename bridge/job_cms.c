/* SPDX-License-Identifier: Apache-2.0 */
/* The cms job: signs a message with the CA's own certificate and key. */
#include <openssl/cms.h>

#include "certificate.h"
#include "cleanup.h"
#include "job_parts.h"
#include "text.h"

enum { SIGN_FLAGS = CMS_BINARY | CMS_NOCERTS };

static inline void cleanup_object(ASN1_OBJECT **object)
{
	ASN1_OBJECT_free(*object);
}

static inline void cleanup_time(ASN1_TIME **time)
{
	ASN1_TIME_free(*time);
}

/* Text to bytes, freed by the caller; NULL when it is malformed. */
typedef uint8_t *decode(const char *text, size_t *len);

static uint8_t *decode_utf8(const char *text, size_t *len)
{
	*len = strlen(text);
	return (uint8_t *)strdup(text);
}

static uint8_t *decode_base64(const char *text, size_t *len)
{
	return text_from_base64(text, strlen(text), len);
}

static uint8_t *decode_hex(const char *text, size_t *len)
{
	size_t max = strlen(text) / 2;
	uint8_t *data = malloc(max + 1);

	if (data && text_from_hex(text, data, max, len))
		return data;
	free(data);
	return NULL;
}

/* U+0000 to U+00FF, one byte each. */
static uint8_t *decode_latin1(const char *text, size_t *len)
{
	CLEANUP(free) uint8_t *data = malloc(strlen(text) + 1);
	const uint8_t *at = (const uint8_t *)text;
	size_t count = 0;

	if (!data)
		return NULL;
	while (*at) {
		if (*at < 0x80) {
			data[count++] = *at++;
		} else if (*at == 0xC2 || *at == 0xC3) {
			data[count++] = (uint8_t)((at[0] & 3) << 6 | (at[1] & 0x3F));
			at += 2;
		} else {
			return NULL;
		}
	}
	*len = count;
	return steal(&data);
}

/* base64url (RFC 4648, 5), with or without padding. */
static uint8_t *decode_base64url(const char *text, size_t *len)
{
	size_t count = strcspn(text, "=");
	CLEANUP(free) char *plain = calloc(1, count + 4);

	if (!plain || strspn(text + count, "=") != strlen(text + count))
		return NULL;
	for (size_t i = 0; i < count; i++) {
		plain[i] = text[i];
		if (text[i] == '-' || text[i] == '_')
			plain[i] = text[i] == '-' ? '+' : '/';
	}
	while (count % 4 != 0)
		plain[count++] = '=';
	return text_from_base64(plain, count, len);
}

static const struct {
	const char *name;
	decode *decode;
} encodings[] = {
	{ "utf8", decode_utf8 },
	{ "base64", decode_base64 },
	{ "hex", decode_hex },
	{ "latin1", decode_latin1 },
	{ "binary", decode_base64url },
};

typedef CK_RV print(CMS_ContentInfo *cms, struct job_cause *cause, char **text);

static CK_RV print_pem(CMS_ContentInfo *cms, struct job_cause *cause, char **text)
{
	CLEANUP(bio) BIO *bio = BIO_new(BIO_s_mem());

	if (!bio || !PEM_write_bio_CMS_stream(bio, cms, NULL, 0))
		return job_cause_memory(cause);
	return job_sign_text(bio, cause, text);
}

static CK_RV print_smime(CMS_ContentInfo *cms, struct job_cause *cause, char **text)
{
	CLEANUP(bio) BIO *bio = BIO_new(BIO_s_mem());

	if (!bio || !SMIME_write_CMS(bio, cms, NULL, CMS_BINARY))
		return job_cause_memory(cause);
	return job_sign_text(bio, cause, text);
}

/* The answer is a text, so DER travels as base64. */
static CK_RV print_der(CMS_ContentInfo *cms, struct job_cause *cause, char **text)
{
	CLEANUP(openssl) uint8_t *der = NULL;
	int len = i2d_CMS_ContentInfo(cms, &der);

	*text = len > 0 ? text_base64(bytes_of(der, (size_t)len)) : NULL;
	return *text ? CKR_OK : job_cause_memory(cause);
}

static const struct {
	const char *name;
	print *print;
} formats[] = {
	{ "PEM", print_pem },
	{ "SMIME", print_smime },
	{ "DER", print_der },
};

/* What the options ask for, checked. */
struct cms_order {
	uint8_t *data;
	size_t len;
	ASN1_OBJECT *content_type; /* NULL: id-data */
	STACK_OF(X509) * certs;
	print *print;
	bool capabilities;
};

static inline void cleanup_order(struct cms_order *order)
{
	free(order->data);
	ASN1_OBJECT_free(order->content_type);
	sk_X509_pop_free(order->certs, X509_free);
}

static CK_RV read_text_or(const json_t *options, const char *key, const char *otherwise,
	struct job_cause *cause, const char **text)
{
	const json_t *value = json_object_get(options, key);

	*text = otherwise;
	return job_json_is_falsy(value) ? CKR_OK : job_json_text(value, key, cause, text);
}

static CK_RV read_data(const json_t *options, struct job_cause *cause, struct cms_order *order)
{
	const char *encoding;
	const char *text;

	TRY(read_text_or(options, "encoding", "utf8", cause, &encoding));
	TRY(job_json_text(json_object_get(options, "data"), "data", cause, &text));
	for (size_t i = 0; i < ARRAY_LEN(encodings); i++) {
		if (strcmp(encodings[i].name, encoding) != 0)
			continue;
		order->data = encodings[i].decode(text, &order->len);
		if (order->data)
			return CKR_OK;
		return job_cause_refuse(cause, "Invalid data: it is no %s text", encoding);
	}
	return job_cause_refuse(cause, "Invalid encoding: %s", encoding);
}

static CK_RV read_format(const json_t *options, struct job_cause *cause, struct cms_order *order)
{
	const char *name;

	TRY(read_text_or(options, "outform", "PEM", cause, &name));
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (strcmp(formats[i].name, name) == 0) {
			order->print = formats[i].print;
			return CKR_OK;
		}
	}
	return job_cause_refuse(cause, "Invalid outform: %s", name);
}

static CK_RV read_content_type(
	const json_t *options, struct job_cause *cause, struct cms_order *order)
{
	const char *oid;

	TRY(read_text_or(options, "contenttype", "", cause, &oid));
	if (*oid == '\0')
		return CKR_OK;
	order->content_type = job_asn1_oid(oid);
	return order->content_type ? CKR_OK
				   : job_cause_refuse(cause, "Invalid contenttype: %s", oid);
}

static CK_RV read_certs(const struct job_ca *ca, const json_t *options, struct job_cause *cause,
	struct cms_order *order)
{
	const char *pem;

	TRY(read_text_or(options, "addcerts", "", cause, &pem));
	if (*pem == '\0')
		return CKR_OK;
	order->certs = certificate_parse_bundle(ca->lib, bytes_of_text(pem));
	if (order->certs)
		return CKR_OK;
	return job_cause_refuse(cause, "Invalid addcerts: needs 1 to %d certificates in PEM",
		CERTIFICATE_BUNDLE_MAX);
}

static CK_RV read_order(const struct job_ca *ca, const json_t *options, struct job_cause *cause,
	struct cms_order *order)
{
	TRY(job_json_object(options, "options", cause));
	order->capabilities = !json_is_false(json_object_get(options, "smimecap"));
	TRY(read_format(options, cause, order));
	TRY(read_content_type(options, cause, order));
	TRY(read_certs(ca, options, cause, order));
	return read_data(options, cause, order);
}

static bool cert_is_among(const STACK_OF(X509) * certs, int count, const X509 *cert)
{
	for (int i = 0; i < count; i++) {
		if (X509_cmp(sk_X509_value(certs, i), cert) == 0)
			return true;
	}
	return false;
}

/* CMS_add1_cert fails for a certificate that is there already. */
static bool add_certs(const struct job_ca *ca, CMS_ContentInfo *cms, const STACK_OF(X509) * certs)
{
	if (!CMS_add1_cert(cms, ca->cert))
		return false;
	for (int i = 0; i < sk_X509_num(certs); i++) {
		X509 *cert = sk_X509_value(certs, i);

		if (X509_cmp(cert, ca->cert) == 0 || cert_is_among(certs, i, cert))
			continue;
		if (!CMS_add1_cert(cms, cert))
			return false;
	}
	return true;
}

/* Otherwise CMS would take the system's clock, which the platform may not share. */
static bool set_signing_time(CMS_SignerInfo *signer, int64_t now_s)
{
	CLEANUP(time) ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)now_s);

	return time && CMS_signed_add1_attr_by_NID(
			       signer, NID_pkcs9_signingTime, ASN1_STRING_type(time), time, -1);
}

static bool sign(const struct job_ca *ca, CMS_ContentInfo *cms, const struct cms_order *order)
{
	CLEANUP(bio) BIO *data = BIO_new_mem_buf(order->data, (int)order->len);
	unsigned int flags = SIGN_FLAGS | (order->capabilities ? 0 : CMS_NOSMIMECAP);
	CMS_SignerInfo *signer;
	EVP_MD *md;
	char digest[32];

	job_sign_digest(ca, NULL, digest);
	md = EVP_MD_fetch(ca->lib, digest, JOB_PROPERTIES);
	signer = md && data ? CMS_add1_signer(cms, ca->cert, ca->key, md, flags) : NULL;
	EVP_MD_free(md);
	return signer && set_signing_time(signer, ca->now_s) && add_certs(ca, cms, order->certs) &&
	       CMS_final(cms, data, NULL, CMS_BINARY);
}

/* The signer info keeps the token's key, which cannot verify: the message is read again first. */
static CMS_ContentInfo *reread(const struct job_ca *ca, CMS_ContentInfo *cms)
{
	CLEANUP(openssl) uint8_t *der = NULL;
	CLEANUP(cms) CMS_ContentInfo *copy = CMS_ContentInfo_new_ex(ca->lib, JOB_PROPERTIES);
	int len = i2d_CMS_ContentInfo(cms, &der);
	const uint8_t *at = der;

	if (len <= 0 || !copy || !d2i_CMS_ContentInfo(&copy, &at, len))
		return NULL;
	return steal(&copy);
}

static CK_RV make_message(const struct job_ca *ca, const struct cms_order *order,
	struct job_cause *cause, CMS_ContentInfo **message)
{
	CLEANUP(cms)
	CMS_ContentInfo *cms = CMS_sign_ex(
		NULL, NULL, NULL, NULL, SIGN_FLAGS | CMS_PARTIAL, ca->lib, JOB_PROPERTIES);
	CLEANUP(cms) CMS_ContentInfo *copy = NULL;

	if (!cms || (order->content_type && !CMS_set1_eContentType(cms, order->content_type)))
		return job_cause_memory(cause);
	if (!sign(ca, cms, order))
		return job_sign_failed(cause);
	copy = reread(ca, cms);
	if (!copy || CMS_verify(copy, NULL, NULL, NULL, NULL,
			     CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) != 1)
		return job_cause_fail(cause, "The new message does not verify with the CA's "
					     "certificate; nothing was sent");
	*message = steal(&copy);
	return CKR_OK;
}

CK_RV job_cms(struct job_ca *ca, const json_t *request, struct job_cause *cause, char **text)
{
	__attribute__((cleanup(cleanup_order))) struct cms_order order = { 0 };
	CLEANUP(cms) CMS_ContentInfo *cms = NULL;

	/* OpenSSL 3.0 lacks RFC 8419. */
	if (EVP_PKEY_is_a(ca->key, "ED25519") || EVP_PKEY_is_a(ca->key, "ED448"))
		return job_cause_refuse(cause, "CMS with %s keys is not supported",
			EVP_PKEY_is_a(ca->key, "ED448") ? "Ed448" : "Ed25519");
	TRY(read_order(ca, json_object_get(request, "options"), cause, &order));
	TRY(make_message(ca, &order, cause, &cms));
	return order.print(cms, cause, text);
}
