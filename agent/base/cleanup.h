/* SPDX-License-Identifier: Apache-2.0 */
/* CLEANUP(kind) frees a local when it leaves scope; steal() hands it over instead. */
#ifndef IOTHSM_CLEANUP_H
#define IOTHSM_CLEANUP_H

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(kind) __attribute__((cleanup(cleanup_##kind)))

/* Takes the pointer out of a variable, so that its CLEANUP does nothing. */
#define steal(pointer)                                                                             \
	__extension__({                                                                            \
		__typeof__(*(pointer)) stolen_ = *(pointer);                                       \
		*(pointer) = NULL;                                                                 \
		stolen_;                                                                           \
	})

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void cleanup_file(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

static inline void cleanup_json(json_t **json)
{
	json_decref(*json);
}

static inline void cleanup_openssl(void *pointer)
{
	OPENSSL_free(*(void **)pointer);
}

static inline void cleanup_x509(X509 **cert)
{
	X509_free(*cert);
}

static inline void cleanup_x509_req(X509_REQ **request)
{
	X509_REQ_free(*request);
}

static inline void cleanup_x509_crl(X509_CRL **crl)
{
	X509_CRL_free(*crl);
}

static inline void cleanup_x509_name(X509_NAME **name)
{
	X509_NAME_free(*name);
}

static inline void cleanup_x509_extension(X509_EXTENSION **extension)
{
	X509_EXTENSION_free(*extension);
}

static inline void cleanup_x509_store(X509_STORE **store)
{
	X509_STORE_free(*store);
}

static inline void cleanup_x509_stack(STACK_OF(X509) * *certs)
{
	sk_X509_pop_free(*certs, X509_free);
}

static inline void cleanup_pkey(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static inline void cleanup_pkey_ctx(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

static inline void cleanup_md_ctx(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static inline void cleanup_cms(CMS_ContentInfo **cms)
{
	CMS_ContentInfo_free(*cms);
}

static inline void cleanup_bio(BIO **bio)
{
	BIO_free_all(*bio);
}

static inline void cleanup_bn(BIGNUM **number)
{
	BN_free(*number);
}

static inline void cleanup_asn1_integer(ASN1_INTEGER **integer)
{
	ASN1_INTEGER_free(*integer);
}

#endif
