/* SPDX-License-Identifier: Apache-2.0 */
/* A file as a key would be asked to sign it. */
#include "cli_signable.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "cleanup.h"
#include "key_hash.h"

enum { ONE_DAY_SECONDS = 24 * 3600 };

/* CKM_EDDSA stands for no hash, which no block can refuse. */
static CK_MECHANISM_TYPE mechanism_of(int signature)
{
	int digest = NID_undef, key = NID_undef;

	if (!OBJ_find_sigid_algs(signature, &digest, &key) || digest == NID_undef)
		return CKM_EDDSA;
	const struct key_hash *hash = key_hash_by_name(OBJ_nid2sn(digest));

	return hash ? hash->ecdsa : CKM_EDDSA;
}

static bool take(struct cli_signable *out, const char *what, uint8_t *tbs, int len, int signature)
{
	*out = (struct cli_signable){ .what = what,
		.tbs = tbs,
		.len = len > 0 ? (size_t)len : 0,
		.mechanism = mechanism_of(signature) };
	return len > 0;
}

static bool read_certificate(struct bytes der, struct cli_signable *out)
{
	const unsigned char *at = der.data;
	CLEANUP(x509) X509 *cert = d2i_X509(NULL, &at, (long)der.len);
	uint8_t *tbs = NULL;

	if (!cert || at != der.data + der.len)
		return false;
	int len = i2d_re_X509_tbs(cert, &tbs);

	return take(out, "certificate", tbs, len, X509_get_signature_nid(cert));
}

static bool read_list(struct bytes der, struct cli_signable *out)
{
	const unsigned char *at = der.data;
	CLEANUP(x509_crl) X509_CRL *list = d2i_X509_CRL(NULL, &at, (long)der.len);
	uint8_t *tbs = NULL;

	if (!list || at != der.data + der.len)
		return false;
	int len = i2d_re_X509_CRL_tbs(list, &tbs);

	return take(out, "revocation list", tbs, len, X509_CRL_get_signature_nid(list));
}

static bool copy_extensions(X509 *cert, X509_REQ *request)
{
	STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(request);
	bool copied = true;

	for (int i = 0; i < sk_X509_EXTENSION_num(list) && copied; i++)
		copied = X509_add_ext(cert, sk_X509_EXTENSION_value(list, i), -1) == 1;
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return copied;
}

/* The algorithm of a certificate that nobody signed. */
static bool name_algorithm(const X509 *cert)
{
	X509_ALGOR *algorithm = (X509_ALGOR *)(uintptr_t)X509_get0_tbs_sigalg(cert);

	return X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF, NULL) ==
	       1;
}

static int make_certificate(X509_REQ *request, const X509 *ca, uint8_t **tbs)
{
	CLEANUP(x509) X509 *cert = X509_new();
	const X509_NAME *subject = X509_REQ_get_subject_name(request);
	const X509_NAME *issuer = ca ? X509_get_subject_name(ca) : subject;
	EVP_PKEY *key = X509_REQ_get0_pubkey(request);

	if (!cert || !key || X509_set_version(cert, X509_VERSION_3) != 1 ||
		ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) != 1 ||
		X509_set_subject_name(cert, subject) != 1 ||
		X509_set_issuer_name(cert, issuer) != 1 ||
		!X509_gmtime_adj(X509_getm_notBefore(cert), 0) ||
		!X509_gmtime_adj(X509_getm_notAfter(cert), ONE_DAY_SECONDS) ||
		X509_set_pubkey(cert, key) != 1 || !copy_extensions(cert, request) ||
		!name_algorithm(cert))
		return -1;
	return i2d_re_X509_tbs(cert, tbs);
}

static bool read_request(struct bytes der, const X509 *ca, const uint8_t own[SIGNED_SPKI_LEN],
	struct cli_signable *out)
{
	const unsigned char *at = der.data;
	CLEANUP(x509_req) X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)der.len);
	uint8_t spki[SIGNED_SPKI_LEN];
	uint8_t *tbs = NULL;

	if (!request || at != der.data + der.len)
		return false;
	const EVP_PKEY *key = X509_REQ_get0_pubkey(request);
	bool is_own = key && signed_hash_key(key, spki) && memcmp(spki, own, sizeof(spki)) == 0;
	int len = is_own ? i2d_re_X509_REQ_tbs(request, &tbs) : make_certificate(request, ca, &tbs);

	return take(out, is_own ? "request of the key itself" : "request of a certificate", tbs,
		len, is_own ? X509_REQ_get_signature_nid(request) : NID_undef);
}

static bool read_der(struct bytes der, const X509 *ca, const uint8_t own[SIGNED_SPKI_LEN],
	struct cli_signable *out)
{
	if (der.len == 0)
		return false;
	if (read_certificate(der, out) || read_list(der, out) || read_request(der, ca, own, out))
		return true;
	uint8_t *copy = OPENSSL_memdup(der.data, der.len);

	return copy && take(out, "to-be-signed bytes", copy, (int)der.len, NID_undef);
}

bool cli_signable_read(struct bytes input, const X509 *ca, const uint8_t own[SIGNED_SPKI_LEN],
	struct cli_signable *out)
{
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(input.data, (int)input.len);
	CLEANUP(openssl) char *name = NULL;
	CLEANUP(openssl) char *header = NULL;
	CLEANUP(openssl) uint8_t *der = NULL;
	long len = 0;

	(void)ERR_set_mark();
	bool pem = bio && PEM_read_bio(bio, &name, &header, &der, &len) == 1;
	bool read = read_der(pem ? bytes_of(der, (size_t)len) : input, ca, own, out);

	(void)ERR_pop_to_mark();
	return read;
}

void cli_signable_reset(struct cli_signable *signable)
{
	OPENSSL_free(signable->tbs);
	*signable = (struct cli_signable){ 0 };
}
