/* SPDX-License-Identifier: Apache-2.0 */
/* The S/MIME envelope of the platform's protocol: sign(encrypt(deflate(content))), in text form. */
#include "envelope.h"

#define ZLIB_CONST
#include <limits.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <time.h>
#include <zlib.h>

#include "cleanup.h"

/* More signers, recipients or certificates than any real message has only cost work. */
enum { ENVELOPE_PARTS_MAX = 16, DEFLATE_LEVEL = 6, INFLATE_START = 16 * 1024 };

/* A message as read; detached is set for multipart/signed, where the content stands outside. */
struct envelope_message {
	CMS_ContentInfo *cms;
	BIO *detached;
};

static void cleanup_envelope_message(struct envelope_message *message)
{
	CMS_ContentInfo_free(message->cms);
	BIO_free(message->detached);
}

static bool read_message(struct bytes text, int wanted_nid, struct envelope_message *message)
{
	if (text.len == 0 || text.len > ENVELOPE_TEXT_MAX)
		return false;
	CLEANUP(bio) BIO *input = BIO_new_mem_buf(text.data, (int)text.len);

	if (!input)
		return false;
	message->cms = SMIME_read_CMS_ex(input, CMS_BINARY, &message->detached, NULL);
	return message->cms && OBJ_obj2nid(CMS_get0_type(message->cms)) == wanted_nid;
}

static char *bio_to_text(BIO *bio)
{
	char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);

	return len > 0 ? strndup(data, (size_t)len) : NULL;
}

static bool bio_to_bytes(BIO *bio, uint8_t **content, size_t *len)
{
	uint8_t *data = NULL;
	long got = BIO_get_mem_data(bio, &data);

	if (got < 0)
		return false;
	/* One byte more, so that an empty content is no NULL. */
	uint8_t *copy = OPENSSL_malloc((size_t)got + 1);

	if (!copy)
		return false;
	if (got > 0)
		memcpy(copy, data, (size_t)got);
	copy[got] = '\0';
	*content = copy;
	*len = (size_t)got;
	return true;
}

static char *write_message(CMS_ContentInfo *cms)
{
	CLEANUP(bio) BIO *output = BIO_new(BIO_s_mem());

	if (!cms || !output || SMIME_write_CMS(output, cms, NULL, CMS_BINARY) != 1)
		return NULL;
	return bio_to_text(output);
}

/* With CMS_PARTIAL the digest can be named; CMS_sign() would leave it to the key. */
static CMS_ContentInfo *sign_content(const struct envelope_identity *signer, BIO *content)
{
	const unsigned int flags = CMS_BINARY | CMS_PARTIAL;
	CLEANUP(cms) CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags);

	if (!cms || !CMS_add1_signer(cms, signer->cert, signer->key, EVP_sha256(), flags) ||
		CMS_final(cms, content, NULL, CMS_BINARY) != 1)
		return NULL;
	return steal(&cms);
}

char *envelope_sign(const struct envelope_identity *signer, struct bytes content)
{
	if (content.len > INT_MAX)
		return NULL;
	ERR_set_mark();
	CLEANUP(bio) BIO *input = BIO_new_mem_buf(content.data, (int)content.len);
	CLEANUP(cms) CMS_ContentInfo *cms = input ? sign_content(signer, input) : NULL;
	char *text = write_message(cms);

	ERR_pop_to_mark();
	return text;
}

/* The only signer of a message whose content is plain data; NULL otherwise. */
static CMS_SignerInfo *only_signer(CMS_ContentInfo *cms)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);

	if (OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data ||
		sk_CMS_SignerInfo_num(signers) != 1)
		return NULL;
	return sk_CMS_SignerInfo_value(signers, 0);
}

/* A second message with the same weak digest could borrow the signature. */
static bool digest_is_strong(CMS_SignerInfo *signer)
{
	static const int strong[] = { NID_sha256, NID_sha384, NID_sha512, NID_sha3_256,
		NID_sha3_384, NID_sha3_512 };
	X509_ALGOR *digest = NULL;

	CMS_SignerInfo_get0_algs(signer, NULL, NULL, &digest, NULL);
	for (size_t i = 0; i < ARRAY_LEN(strong); i++) {
		if (OBJ_obj2nid(digest->algorithm) == strong[i])
			return true;
	}
	return false;
}

/*
 * CMS_verify() would check the chain for the purpose S/MIME and under the store's own parameters,
 * which other threads share; here the purpose is any and the parameters are this call's.
 */
static bool chain_is_trusted(X509_STORE *store, X509 *issuer, X509 *cert, STACK_OF(X509) * others)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool trusted = ctx && X509_STORE_CTX_init(ctx, store, cert, issuer ? NULL : others) == 1;

	if (trusted) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

		trusted = X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY) == 1;
		if (issuer) {
			X509_VERIFY_PARAM_set_depth(param, 0);
			trusted =
				trusted && X509_cmp(cert, issuer) != 0 &&
				X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) == 1;
		}
	}
	trusted = trusted && X509_verify_cert(ctx) == 1;
	X509_STORE_CTX_free(ctx);
	return trusted;
}

static bool signer_is_trusted(X509_STORE *store, X509 *issuer, CMS_ContentInfo *cms, X509 *cert)
{
	CLEANUP(x509_stack) STACK_OF(X509) *others = CMS_get1_certs(cms);

	return cert && sk_X509_num(others) <= ENVELOPE_PARTS_MAX &&
	       chain_is_trusted(store, issuer, cert, others);
}

static int64_t signing_time_s_of(CMS_SignerInfo *signer)
{
	int index = CMS_signed_get_attr_by_NID(signer, NID_pkcs9_signingTime, -1);
	ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(CMS_signed_get_attr(signer, index), 0);
	struct tm when;

	if (!value || (value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME) ||
		ASN1_TIME_to_tm(value->value.asn1_string, &when) != 1)
		return 0;
	return (int64_t)timegm(&when);
}

static bool verify_message(X509_STORE *store, X509 *issuer, struct bytes text, uint8_t **content,
	size_t *len, X509 **signer_cert, int64_t *signing_time_s)
{
	CLEANUP(envelope_message) struct envelope_message message = { 0 };
	CLEANUP(bio) BIO *output = BIO_new(BIO_s_mem());
	X509 *cert = NULL;

	if (!output || !read_message(text, NID_pkcs7_signed, &message))
		return false;
	CMS_SignerInfo *signer = only_signer(message.cms);

	if (!signer || !digest_is_strong(signer) ||
		CMS_verify(message.cms, NULL, NULL, message.detached, output,
			CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) != 1)
		return false;
	CMS_SignerInfo_get0_algs(signer, NULL, &cert, NULL, NULL);
	if (!signer_is_trusted(store, issuer, message.cms, cert) ||
		!bio_to_bytes(output, content, len))
		return false;
	*signing_time_s = signing_time_s_of(signer);
	(void)X509_up_ref(cert);
	*signer_cert = cert;
	return true;
}

bool envelope_verify(X509_STORE *store, struct bytes text, uint8_t **content, size_t *len,
	X509 **signer, int64_t *signing_time_s)
{
	ERR_set_mark();
	bool verified = verify_message(store, NULL, text, content, len, signer, signing_time_s);

	ERR_pop_to_mark();
	return verified;
}

bool envelope_verify_issuer(X509 *issuer, struct bytes text, uint8_t **content, size_t *len,
	X509 **signer, int64_t *signing_time_s)
{
	ERR_set_mark();
	CLEANUP(x509_store) X509_STORE *store = X509_STORE_new();
	bool verified = store && X509_STORE_add_cert(store, issuer) == 1 &&
			verify_message(store, issuer, text, content, len, signer, signing_time_s);

	ERR_pop_to_mark();
	return verified;
}

char *envelope_encrypt(X509 *recipient, struct bytes content)
{
	if (content.len > INT_MAX)
		return NULL;
	ERR_set_mark();
	CLEANUP(bio) BIO *input = BIO_new_mem_buf(content.data, (int)content.len);
	STACK_OF(X509) *recipients = sk_X509_new_null();
	CLEANUP(cms) CMS_ContentInfo *cms = NULL;

	if (input && recipients && sk_X509_push(recipients, recipient) > 0)
		cms = CMS_encrypt(recipients, input, EVP_aes_256_cbc(), CMS_BINARY);
	sk_X509_free(recipients);
	char *text = write_message(cms);

	ERR_pop_to_mark();
	return text;
}

/*
 * Without a certificate OpenSSL tries every recipient with this key and goes on with a random
 * content key when none fits, so that a wrong padding of the key looks like wrong content (RFC
 * 3218).
 */
static bool decrypt_message(EVP_PKEY *key, struct bytes text, uint8_t **content, size_t *len)
{
	CLEANUP(envelope_message) struct envelope_message message = { 0 };
	CLEANUP(bio) BIO *output = BIO_new(BIO_s_mem());

	if (!output || !read_message(text, NID_pkcs7_enveloped, &message) || message.detached ||
		sk_CMS_RecipientInfo_num(CMS_get0_RecipientInfos(message.cms)) > ENVELOPE_PARTS_MAX)
		return false;
	return CMS_decrypt(message.cms, key, NULL, NULL, output, CMS_BINARY) == 1 &&
	       bio_to_bytes(output, content, len);
}

bool envelope_decrypt(EVP_PKEY *key, struct bytes text, uint8_t **content, size_t *len)
{
	ERR_set_mark();
	bool decrypted = decrypt_message(key, text, content, len);

	ERR_pop_to_mark();
	return decrypted;
}

bool envelope_deflate(struct bytes content, uint8_t **deflated, size_t *len)
{
	if (content.len > ENVELOPE_INFLATE_MAX)
		return false;
	uLongf room = compressBound(content.len);
	uint8_t *data = OPENSSL_malloc(room);

	if (!data || compress2(data, &room, content.data, content.len, DEFLATE_LEVEL) != Z_OK) {
		OPENSSL_free(data);
		return false;
	}
	*deflated = data;
	*len = room;
	return true;
}

/* Inflates into a buffer that doubles as needed, never beyond the maximum. */
static bool inflate_stream(z_stream *stream, uint8_t **data)
{
	size_t room = 0;
	int status = Z_OK;

	while (status == Z_OK && room < ENVELOPE_INFLATE_MAX) {
		size_t larger = room == 0 ? INFLATE_START : room * 2;
		uint8_t *grown = OPENSSL_realloc(*data, larger);

		if (!grown)
			return false;
		*data = grown;
		stream->next_out = grown + room;
		stream->avail_out = (uInt)(larger - room);
		room = larger;
		status = inflate(stream, Z_NO_FLUSH);
		/* Room left over means that the input ended too early. */
		if (status == Z_OK && stream->avail_out > 0)
			return false;
	}
	return status == Z_STREAM_END && stream->avail_in == 0;
}

bool envelope_inflate(struct bytes deflated, uint8_t **content, size_t *len)
{
	z_stream stream = { .next_in = deflated.data };
	uint8_t *data = NULL;

	if (deflated.len > ENVELOPE_TEXT_MAX || inflateInit(&stream) != Z_OK)
		return false;
	stream.avail_in = (uInt)deflated.len;
	bool complete = inflate_stream(&stream, &data);
	size_t total = stream.total_out;

	(void)inflateEnd(&stream);
	if (!complete) {
		OPENSSL_free(data);
		return false;
	}
	*content = data;
	*len = total;
	return true;
}

char *envelope_seal(const struct envelope_identity *signer, X509 *recipient, struct bytes content)
{
	CLEANUP(openssl) uint8_t *deflated = NULL;
	size_t len = 0;

	if (!envelope_deflate(content, &deflated, &len))
		return NULL;
	CLEANUP(free) char *encrypted = envelope_encrypt(recipient, bytes_of(deflated, len));

	return encrypted ? envelope_sign(signer, bytes_of_text(encrypted)) : NULL;
}

bool envelope_open_inner(EVP_PKEY *key, struct bytes verified, uint8_t **content, size_t *len)
{
	uint8_t *deflated = NULL;
	size_t deflated_len = 0;
	bool opened = envelope_decrypt(key, verified, &deflated, &deflated_len) &&
		      envelope_inflate(bytes_of(deflated, deflated_len), content, len);

	OPENSSL_clear_free(deflated, deflated_len);
	return opened;
}
