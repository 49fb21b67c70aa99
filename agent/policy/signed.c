/* SPDX-License-Identifier: Apache-2.0 */
/* What a key is asked to sign, told by the to-be-signed bytes alone. */
#include "signed.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "cleanup.h"

enum {
	ATTRIBUTES_MAX = 64,
	EPHEMERAL_SECONDS = 15 * 60,
	EXTENSIONS_MAX = 256,
	HEADER_MAX = 6 /* tag and at most five octets of length */
};

#define EPHEMERAL_CN "IoT HSM SMIME Cert for PKIaaS.io Validation"

/* Any algorithm and signature: OpenSSL reads whole objects only, and nobody verifies these. */
static const uint8_t tail[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
	0x01, 0x0b, 0x05, 0x00, 0x03, 0x02, 0x00, 0x00 };

static const char *const names[SIGNED_CLASSES] = { [SIGNED_UNKNOWN] = "unknown",
	[SIGNED_LEAF] = "leaf",
	[SIGNED_CA] = "ca",
	[SIGNED_SELF] = "self",
	[SIGNED_EPHEMERAL] = "ephemeral",
	[SIGNED_CRL] = "crl",
	[SIGNED_REQUEST] = "request",
	[SIGNED_CMS] = "cms" };

const char *signed_name(enum signed_class class)
{
	return class < SIGNED_CLASSES ? names[class] : names[SIGNED_UNKNOWN];
}

enum signed_class signed_find(const char *name)
{
	enum signed_class class = SIGNED_UNKNOWN;

	while (class < SIGNED_CLASSES && strcmp(names[class], name) != 0)
		class ++;
	return class;
}

bool signed_hash_key(const EVP_PKEY *key, uint8_t out[SIGNED_SPKI_LEN])
{
	CLEANUP(openssl) uint8_t *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	return len > 0 && EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1;
}

static bool hash_spki(X509_PUBKEY *spki, uint8_t out[SIGNED_SPKI_LEN])
{
	CLEANUP(openssl) uint8_t *der = NULL;
	int len = spki ? i2d_X509_PUBKEY(spki, &der) : 0;

	return len > 0 && EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1;
}

static bool is_own(X509_PUBKEY *spki, const uint8_t own[SIGNED_SPKI_LEN])
{
	uint8_t hash[SIGNED_SPKI_LEN];

	return hash_spki(spki, hash) && memcmp(hash, own, sizeof(hash)) == 0;
}

/* The input as the first member of a signed object. Freed by the caller. */
static uint8_t *complete(struct bytes input, size_t *len)
{
	int content = (int)(input.len + sizeof(tail));
	uint8_t *whole = OPENSSL_malloc(input.len + sizeof(tail) + HEADER_MAX);
	uint8_t *at = whole;

	if (!whole)
		return NULL;
	ASN1_put_object(&at, 1, content, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(at, input.data, input.len);
	memcpy(at + input.len, tail, sizeof(tail));
	*len = (size_t)(at - whole) + (size_t)content;
	return whole;
}

/* Takes the encoding over. */
static bool is_same(struct bytes input, uint8_t *der, int len)
{
	bool same = len > 0 && bytes_equal(input, bytes_of(der, (size_t)len));

	OPENSSL_free(der);
	return same;
}

static bool encodes_certificate(X509 *cert, struct bytes input)
{
	uint8_t *der = NULL;
	int len = i2d_re_X509_tbs(cert, &der);

	return is_same(input, der, len);
}

static bool has_short_life(const X509 *cert)
{
	int days = 0, seconds = 0;

	return ASN1_TIME_diff(
		       &days, &seconds, X509_get0_notBefore(cert), X509_get0_notAfter(cert)) == 1 &&
	       days == 0 && seconds >= 0 && seconds <= EPHEMERAL_SECONDS;
}

static bool has_ephemeral_subject(const X509 *cert)
{
	const X509_NAME *subject = X509_get_subject_name(cert);

	if (X509_NAME_entry_count(subject) != 1)
		return false;
	const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, 0);
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);

	return OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) == NID_commonName &&
	       bytes_equal(bytes_of_text(EPHEMERAL_CN),
		       bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)));
}

/* Nothing beside S/MIME, in an RSA key's name, for minutes: of no use for anything else. */
static bool is_ephemeral(X509 *cert)
{
	static const int wanted[] = { NID_subject_key_identifier, NID_authority_key_identifier,
		NID_key_usage, NID_ext_key_usage };
	const EVP_PKEY *key = X509_get0_pubkey(cert);

	if (!key || !EVP_PKEY_is_a(key, "RSA") || !has_ephemeral_subject(cert) ||
		!has_short_life(cert) || X509_get_ext_count(cert) != (int)ARRAY_LEN(wanted))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (X509_get_ext_by_NID(cert, wanted[i], -1) < 0)
			return false;
	return X509_get_extended_key_usage(cert) == XKU_SMIME &&
	       (X509_get_key_usage(cert) & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) == 0;
}

/* Of version 1 nobody can tell; whoever trusts it may take it for a CA. */
static bool is_authority(X509 *cert)
{
	uint32_t flags = X509_get_extension_flags(cert);

	return X509_check_ca(cert) != 0 || X509_get_version(cert) != X509_VERSION_3 ||
	       ((flags & EXFLAG_KUSAGE) != 0 &&
		       (X509_get_key_usage(cert) & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0);
}

/* EXFLAG_INVALID also stands for a critical extension twice, and what OpenSSL could not read. */
static enum signed_class class_of_certificate(X509 *cert, const uint8_t own[SIGNED_SPKI_LEN])
{
	if (X509_get_ext_count(cert) > EXTENSIONS_MAX ||
		(X509_get_extension_flags(cert) & EXFLAG_INVALID) != 0)
		return SIGNED_UNKNOWN;
	if (is_own(X509_get_X509_PUBKEY(cert), own))
		return SIGNED_SELF;
	if (is_authority(cert))
		return SIGNED_CA;
	return is_ephemeral(cert) ? SIGNED_EPHEMERAL : SIGNED_LEAF;
}

static bool read_certificate(struct bytes input, struct bytes whole,
	const uint8_t own[SIGNED_SPKI_LEN], struct signed_input *out)
{
	const unsigned char *at = whole.data;
	CLEANUP(x509) X509 *cert = d2i_X509(NULL, &at, (long)whole.len);

	if (!cert || at != whole.data + whole.len)
		return false;
	if (!encodes_certificate(cert, input)) {
		(void)snprintf(out->why, sizeof(out->why), "a certificate that is not in DER");
		return true;
	}
	out->class = class_of_certificate(cert, own);
	if (out->class == SIGNED_UNKNOWN)
		(void)snprintf(out->why, sizeof(out->why),
			"a certificate with extensions that cannot be read");
	else
		out->cert = steal(&cert);
	return true;
}

static bool read_list(struct bytes input, struct bytes whole, const uint8_t own[SIGNED_SPKI_LEN],
	struct signed_input *out)
{
	const unsigned char *at = whole.data;
	CLEANUP(x509_crl) X509_CRL *list = d2i_X509_CRL(NULL, &at, (long)whole.len);
	uint8_t *der = NULL;

	(void)own;
	if (!list || at != whole.data + whole.len)
		return false;
	int len = i2d_re_X509_CRL_tbs(list, &der);

	if (is_same(input, der, len))
		out->class = SIGNED_CRL;
	else
		(void)snprintf(out->why, sizeof(out->why), "a revocation list that is not in DER");
	return true;
}

/* A request in the name of another key proves to its reader what is not true. */
static bool read_request(struct bytes input, struct bytes whole, const uint8_t own[SIGNED_SPKI_LEN],
	struct signed_input *out)
{
	const unsigned char *at = whole.data;
	CLEANUP(x509_req) X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)whole.len);
	uint8_t *der = NULL;

	if (!request || at != whole.data + whole.len)
		return false;
	int len = i2d_re_X509_REQ_tbs(request, &der);

	if (!is_same(input, der, len))
		(void)snprintf(out->why, sizeof(out->why), "a request that is not in DER");
	else if (!is_own(X509_REQ_get_X509_PUBKEY(request), own))
		(void)snprintf(out->why, sizeof(out->why), "a request in the name of another key");
	else
		out->class = SIGNED_REQUEST;
	return true;
}

/* The type of one Attribute, which is a SEQUENCE of that and of values. */
static int attribute_nid(const ASN1_TYPE *member)
{
	if (member->type != V_ASN1_SEQUENCE)
		return NID_undef;
	const unsigned char *at = member->value.sequence->data;
	X509_ATTRIBUTE *attribute = d2i_X509_ATTRIBUTE(NULL, &at, member->value.sequence->length);
	int nid = attribute ? OBJ_obj2nid(X509_ATTRIBUTE_get0_object(attribute)) : NID_undef;

	X509_ATTRIBUTE_free(attribute);
	return nid;
}

static bool are_signed_attributes(ASN1_SEQUENCE_ANY *set, struct bytes input)
{
	uint8_t *der = NULL;
	int content_types = 0, digests = 0;

	for (int i = 0; i < sk_ASN1_TYPE_num(set); i++) {
		int nid = attribute_nid(sk_ASN1_TYPE_value(set, i));

		content_types += nid == NID_pkcs9_contentType;
		digests += nid == NID_pkcs9_messageDigest;
	}
	int len = i2d_ASN1_SET_ANY(set, &der);

	return is_same(input, der, len) && content_types == 1 && digests == 1;
}

static void read_attributes(struct bytes input, struct signed_input *out)
{
	const unsigned char *at = input.data;
	ASN1_SEQUENCE_ANY *set = d2i_ASN1_SET_ANY(NULL, &at, (long)input.len);

	if (set && at == input.data + input.len && sk_ASN1_TYPE_num(set) <= ATTRIBUTES_MAX &&
		are_signed_attributes(set, input))
		out->class = SIGNED_CMS;
	else
		(void)snprintf(out->why, sizeof(out->why),
			"a SET that does not hold the signed attributes of CMS");
	sk_ASN1_TYPE_pop_free(set, ASN1_TYPE_free);
}

/* No bytes fit two of them: they differ in the number and tags of their members. */
static void read_sequence(
	struct bytes input, const uint8_t own[SIGNED_SPKI_LEN], struct signed_input *out)
{
	static bool (*const readers[])(struct bytes input, struct bytes whole,
		const uint8_t own[SIGNED_SPKI_LEN],
		struct signed_input *out) = { read_certificate, read_list, read_request };
	size_t len = 0;
	CLEANUP(openssl) uint8_t *whole = complete(input, &len);
	bool read = false;

	for (size_t i = 0; whole && i < ARRAY_LEN(readers) && !read; i++)
		read = readers[i](input, bytes_of(whole, len), own, out);
	if (!read)
		(void)snprintf(out->why, sizeof(out->why),
			"neither a certificate, a revocation list nor a request");
}

void signed_read(struct bytes input, const uint8_t own[SIGNED_SPKI_LEN], struct signed_input *out)
{
	*out = (struct signed_input){ .class = SIGNED_UNKNOWN };
	(void)ERR_set_mark();
	if (input.len < 2 || input.len > SIGNED_INPUT_MAX)
		(void)snprintf(out->why, sizeof(out->why), "%zu bytes, which have no meaning here",
			input.len);
	else if (input.data[0] == (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED))
		read_sequence(input, own, out);
	else if (input.data[0] == (V_ASN1_SET | V_ASN1_CONSTRUCTED))
		read_attributes(input, out);
	else
		(void)snprintf(out->why, sizeof(out->why), "bytes that are no DER of any class");
	(void)ERR_pop_to_mark();
}

void signed_reset(struct signed_input *input)
{
	X509_free(input->cert);
	*input = (struct signed_input){ .class = SIGNED_UNKNOWN };
}
