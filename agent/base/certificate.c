/* SPDX-License-Identifier: Apache-2.0 */
/* X.509 helpers: parsing, printing, serials, key identifiers, and the digest that fits a key. */
#include "certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "cleanup.h"
#include "key.h"
#include "text.h"

enum { SERIAL_BYTES = 20, SHA1_BYTES = 20, DER_SEQUENCE = 0x30 };

/* Keeps OpenSSL from asking for the passphrase of an encrypted PEM block on the terminal. */
static int refuse_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static X509 *parse_der(OSSL_LIB_CTX *lib, struct bytes input)
{
	const unsigned char *next = input.data;
	X509 *cert = X509_new_ex(lib, NULL);

	/* On failure d2i frees what it was given and clears the pointer. */
	if (!cert || !d2i_X509(&cert, &next, (long)input.len))
		return NULL;
	if (next == input.data + input.len)
		return cert;
	X509_free(cert);
	return NULL;
}

static X509 *read_pem(OSSL_LIB_CTX *lib, BIO *bio)
{
	X509 *cert = X509_new_ex(lib, NULL);

	if (cert && PEM_read_bio_X509(bio, &cert, refuse_passphrase, NULL))
		return cert;
	X509_free(cert);
	return NULL;
}

static bool input_is_der(struct bytes input)
{
	return input.data[0] == DER_SEQUENCE;
}

static bool input_is_bounded(struct bytes input)
{
	return input.data && input.len > 0 && input.len <= CERTIFICATE_INPUT_MAX;
}

X509 *certificate_parse(OSSL_LIB_CTX *lib, struct bytes input)
{
	if (!input_is_bounded(input))
		return NULL;
	(void)ERR_set_mark();
	X509 *cert = NULL;

	if (input_is_der(input)) {
		cert = parse_der(lib, input);
	} else {
		CLEANUP(bio) BIO *bio = BIO_new_mem_buf(input.data, (int)input.len);

		cert = bio ? read_pem(lib, bio) : NULL;
	}
	(void)ERR_pop_to_mark();
	return cert;
}

/* False for a malformed block and for too many; the end of the text is no failure. */
static bool read_pem_bundle(OSSL_LIB_CTX *lib, BIO *bio, STACK_OF(X509) * certs)
{
	for (;;) {
		X509 *cert = read_pem(lib, bio);

		if (!cert)
			return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
		if (sk_X509_num(certs) >= CERTIFICATE_BUNDLE_MAX || !sk_X509_push(certs, cert)) {
			X509_free(cert);
			return false;
		}
	}
}

static bool parse_bundle(OSSL_LIB_CTX *lib, struct bytes input, STACK_OF(X509) * certs)
{
	if (input_is_der(input)) {
		X509 *cert = parse_der(lib, input);

		if (cert && sk_X509_push(certs, cert))
			return true;
		X509_free(cert);
		return false;
	}
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(input.data, (int)input.len);

	return bio && read_pem_bundle(lib, bio, certs) && sk_X509_num(certs) > 0;
}

STACK_OF(X509) * certificate_parse_bundle(OSSL_LIB_CTX *lib, struct bytes input)
{
	CLEANUP(x509_stack) STACK_OF(X509) *certs = sk_X509_new_null();

	if (!certs || !input_is_bounded(input))
		return NULL;
	(void)ERR_set_mark();
	bool parsed = parse_bundle(lib, input, certs);

	(void)ERR_pop_to_mark();
	return parsed ? steal(&certs) : NULL;
}

int certificate_der(const X509 *cert, uint8_t **der)
{
	unsigned char *out = NULL;
	int len = i2d_X509(cert, &out);

	if (len <= 0)
		return -1;
	*der = out;
	return len;
}

char *certificate_pem(const X509 *cert)
{
	CLEANUP(bio) BIO *bio = BIO_new(BIO_s_mem());
	char *data;

	if (!bio || !PEM_write_bio_X509(bio, cert))
		return NULL;
	long len = BIO_get_mem_data(bio, &data);

	return len > 0 ? strndup(data, (size_t)len) : NULL;
}

bool certificate_is_temporary(const X509 *cert)
{
	const X509_NAME *name = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

	if (at < 0)
		return false;
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));

	return bytes_equal(bytes_of_text(CERTIFICATE_TEMPORARY_CN),
		bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)));
}

bool certificate_has_key(const X509 *cert, const EVP_PKEY *public_key)
{
	const EVP_PKEY *own = X509_get0_pubkey(cert);

	if (!own)
		return false;
	(void)ERR_set_mark();
	bool equal = EVP_PKEY_eq(own, public_key) == 1;

	(void)ERR_pop_to_mark();
	return equal;
}

bool certificate_serial_hex(const X509 *cert, char out[64])
{
	CLEANUP(openssl) unsigned char *der = NULL;
	int len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &der);
	const unsigned char *content = der;
	long content_len = 0;
	int tag = 0, class = 0;

	if (len <= 0 || (ASN1_get_object(&content, &content_len, &tag, &class, len) & 0x80))
		return false;
	if (content_len > 1 && content[0] == 0)
		content++, content_len--;
	if (content_len < 1 || content_len > SERIAL_BYTES)
		return false;
	text_hex(out, bytes_of(content, (size_t)content_len));
	return true;
}

bool certificate_thumbprint(const X509 *cert, char out[41])
{
	CLEANUP(openssl) uint8_t *der = NULL;
	int len = certificate_der(cert, &der);
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t digest_len = 0;

	if (len < 0 ||
		!EVP_Q_digest(key_library(), "SHA1", NULL, der, (size_t)len, digest, &digest_len))
		return false;
	text_hex(out, bytes_of(digest, digest_len));
	return true;
}

bool certificate_set_random_serial(X509 *cert)
{
	uint8_t serial[SERIAL_BYTES];

	if (RAND_bytes_ex(key_library(), serial, sizeof(serial), 0) != 1)
		return false;
	serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
	CLEANUP(bn) BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);

	return number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
}

/* The certificate's own subjectKeyIdentifier, else the SHA-1 of its key (RFC 5280, 4.2.1.2). */
static ASN1_OCTET_STRING *key_identifier(const X509 *cert)
{
	ASN1_OCTET_STRING *id = X509_get_ext_d2i(cert, NID_subject_key_identifier, NULL, NULL);
	const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(cert);
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (id || !key)
		return id;
	id = ASN1_OCTET_STRING_new();
	if (id &&
		EVP_Q_digest(key_library(), "SHA1", NULL, ASN1_STRING_get0_data(key),
			(size_t)ASN1_STRING_length(key), digest, NULL) &&
		ASN1_OCTET_STRING_set(id, digest, SHA1_BYTES))
		return id;
	ASN1_OCTET_STRING_free(id);
	return NULL;
}

bool certificate_add_key_identifiers(X509 *cert, const X509 *issuer)
{
	ASN1_OCTET_STRING *subject = key_identifier(cert);
	bool added = subject && X509_add1_ext_i2d(cert, NID_subject_key_identifier, subject, 0,
					X509V3_ADD_DEFAULT) == 1;

	ASN1_OCTET_STRING_free(subject);
	AUTHORITY_KEYID *authority = added ? AUTHORITY_KEYID_new() : NULL;

	if (authority)
		authority->keyid = key_identifier(issuer);
	added = authority && authority->keyid &&
		X509_add1_ext_i2d(
			cert, NID_authority_key_identifier, authority, 0, X509V3_ADD_DEFAULT) == 1;
	AUTHORITY_KEYID_free(authority);
	return added;
}

const char *certificate_digest_named(const char *name)
{
	static const struct {
		const char *name;
		const char *digest;
	} accepted[] = {
		{ "SHA256", "SHA256" },
		{ "SHA2-256", "SHA256" },
		{ "SHA384", "SHA384" },
		{ "SHA2-384", "SHA384" },
		{ "SHA512", "SHA512" },
		{ "SHA2-512", "SHA512" },
	};

	for (size_t i = 0; name && i < ARRAY_LEN(accepted); i++) {
		if (strcasecmp(accepted[i].name, name) == 0)
			return accepted[i].digest;
	}
	return NULL;
}

const char *certificate_digest_for(const EVP_PKEY *key, const char *wanted)
{
	const char *named = certificate_digest_named(wanted);

	if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
		return "";
	if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) > 384)
		return "SHA512";
	if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) > 256)
		return "SHA384";
	return named ? named : "SHA256";
}
