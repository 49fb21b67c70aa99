/* SPDX-License-Identifier: Apache-2.0 */
/* Who the stand-in is: its S/MIME signer under an own anchor, its TLS server certificate, its
 * PubNub keys. */
#include "identity.h"

#include <limits.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "certificate.h"
#include "cleanup.h"
#include "file.h"
#include "json.h"
#include "log.h"

enum { IDENTITY_DAYS = 3650, IDENTITY_FILE_MAX = 64 * 1024, EXTENSIONS_MAX = 4 };

struct profile_extension {
	int nid;
	const char *value;
};

/* One of the four certificates; issuer NULL: self-signed. */
struct blueprint {
	const char *common_name;
	X509 *issuer;
	EVP_PKEY *issuer_key;
	struct profile_extension extensions[EXTENSIONS_MAX];
};

static const struct profile_extension ca_extensions[EXTENSIONS_MAX] = {
	{ NID_basic_constraints, "critical,CA:TRUE" },
	{ NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign" },
};

static const struct profile_extension signer_extensions[EXTENSIONS_MAX] = {
	{ NID_key_usage, "critical,digitalSignature,keyEncipherment,dataEncipherment" },
	{ NID_ext_key_usage, "critical,emailProtection" },
};

static const struct profile_extension tls_extensions[EXTENSIONS_MAX] = {
	{ NID_key_usage, "critical,digitalSignature" },
	{ NID_ext_key_usage, "serverAuth" },
	{ NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost" },
};

static bool add_extension(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
	CLEANUP(x509_extension)
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);

	return extension && X509_add_ext(cert, extension, -1) == 1;
}

static bool add_extensions(X509 *cert, const struct blueprint *plan)
{
	X509V3_CTX ctx;
	bool added = true;

	X509V3_set_ctx(&ctx, plan->issuer ? plan->issuer : cert, cert, NULL, NULL, 0);
	added = add_extension(cert, &ctx, NID_subject_key_identifier, "hash") &&
		add_extension(cert, &ctx, NID_authority_key_identifier, "keyid:always");
	for (size_t i = 0; added && i < EXTENSIONS_MAX && plan->extensions[i].value; i++)
		added = add_extension(
			cert, &ctx, plan->extensions[i].nid, plan->extensions[i].value);
	return added;
}

static bool set_subject(X509 *cert, const char *common_name)
{
	static const struct {
		const char *field;
		const char *value;
	} fixed[] = { { "C", "US" }, { "O", "iothsm stand-in" } };
	X509_NAME *name = X509_get_subject_name(cert);
	bool set = true;

	for (size_t i = 0; set && i < ARRAY_LEN(fixed); i++)
		set = X509_NAME_add_entry_by_txt(name, fixed[i].field, MBSTRING_ASC,
			      (const unsigned char *)fixed[i].value, -1, -1, 0) == 1;
	return set && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
			      (const unsigned char *)common_name, -1, -1, 0) == 1;
}

static X509 *issue(const struct blueprint *plan, EVP_PKEY *key)
{
	CLEANUP(x509) X509 *cert = X509_new();

	if (!cert || X509_set_version(cert, X509_VERSION_3) != 1 ||
		!certificate_set_random_serial(cert) || !set_subject(cert, plan->common_name) ||
		X509_set_issuer_name(
			cert, X509_get_subject_name(plan->issuer ? plan->issuer : cert)) != 1 ||
		!X509_gmtime_adj(X509_getm_notBefore(cert), -300) ||
		!X509_time_adj_ex(X509_getm_notAfter(cert), IDENTITY_DAYS, 0, NULL) ||
		X509_set_pubkey(cert, key) != 1 || !add_extensions(cert, plan) ||
		X509_sign(cert, plan->issuer_key ? plan->issuer_key : key, EVP_sha256()) == 0)
		return NULL;
	return steal(&cert);
}

static struct blueprint plan_of(const char *common_name, X509 *issuer, EVP_PKEY *issuer_key,
	const struct profile_extension *extensions)
{
	struct blueprint plan = { common_name, issuer, issuer_key, { { 0, NULL } } };

	memcpy(plan.extensions, extensions, sizeof(plan.extensions));
	return plan;
}

static bool make_smime(struct identity *identity)
{
	CLEANUP(pkey) EVP_PKEY *anchor_key = EVP_RSA_gen(2048);

	identity->signer_key = EVP_RSA_gen(2048);
	if (!anchor_key || !identity->signer_key)
		return false;
	struct blueprint anchor =
		plan_of("IoT HSM Message Verification CA (stand-in)", NULL, NULL, ca_extensions);

	identity->anchor = issue(&anchor, anchor_key);
	if (!identity->anchor)
		return false;
	struct blueprint signer = plan_of(
		"Platform S/MIME (stand-in)", identity->anchor, anchor_key, signer_extensions);

	identity->signer = issue(&signer, identity->signer_key);
	return identity->signer != NULL;
}

static bool make_tls(struct identity *identity)
{
	CLEANUP(pkey) EVP_PKEY *ca_key = EVP_EC_gen("P-256");

	identity->tls_key = EVP_EC_gen("P-256");
	if (!ca_key || !identity->tls_key)
		return false;
	struct blueprint ca = plan_of("TLS CA (stand-in)", NULL, NULL, ca_extensions);

	identity->tls_ca = issue(&ca, ca_key);
	if (!identity->tls_ca)
		return false;
	struct blueprint server = plan_of("127.0.0.1", identity->tls_ca, ca_key, tls_extensions);

	identity->tls_cert = issue(&server, identity->tls_key);
	return identity->tls_cert != NULL;
}

bool identity_make_uuid(char out[IDENTITY_UUID_SIZE])
{
	uint8_t random[16];

	if (RAND_bytes(random, sizeof(random)) != 1)
		return false;
	random[6] = (uint8_t)((random[6] & 0x0f) | 0x40);
	random[8] = (uint8_t)((random[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(random); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		(void)snprintf(out, 3, "%02x", random[i]);
		out += 2;
	}
	return true;
}

static bool make_pubnub_keys(struct identity *identity)
{
	char publish[IDENTITY_UUID_SIZE];
	char subscribe[IDENTITY_UUID_SIZE];

	if (!identity_make_uuid(publish) || !identity_make_uuid(subscribe))
		return false;
	(void)snprintf(identity->publish_key, IDENTITY_KEY_MAX, "pub-c-%s", publish);
	(void)snprintf(identity->subscribe_key, IDENTITY_KEY_MAX, "sub-c-%s", subscribe);
	return true;
}

/* --- files --- */

static const char *path_of(char path[PATH_MAX], const char *directory, const char *name)
{
	(void)snprintf(path, PATH_MAX, "%s/%s", directory, name);
	return path;
}

/* key NULL: only the certificate, for everybody to read. */
static bool save_pem(const char *directory, const char *name, X509 *cert, EVP_PKEY *key)
{
	char path[PATH_MAX];
	char *data = NULL;
	CLEANUP(bio) BIO *bio = BIO_new(BIO_s_mem());

	if (!bio || PEM_write_bio_X509(bio, cert) != 1 ||
		(key && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1))
		return false;
	long len = BIO_get_mem_data(bio, &data);

	return file_replace(
		path_of(path, directory, name), bytes_of(data, (size_t)len), key ? 0600 : 0644);
}

static bool save_pubnub_keys(const struct identity *identity, const char *directory)
{
	char path[PATH_MAX];
	CLEANUP(json)
	json_t *keys = json_pack("{s:s, s:s}", "publishKey", identity->publish_key, "subscribeKey",
		identity->subscribe_key);
	CLEANUP(free) char *text = json_print(keys);

	return text &&
	       file_replace(path_of(path, directory, "pubnub.json"), bytes_of_text(text), 0600);
}

static bool save(const struct identity *identity, const char *directory)
{
	return save_pem(directory, "platform_ca.pem", identity->anchor, NULL) &&
	       save_pem(directory, "tls_ca.pem", identity->tls_ca, NULL) &&
	       save_pem(directory, "signer.pem", identity->signer, identity->signer_key) &&
	       save_pem(directory, "tls.pem", identity->tls_cert, identity->tls_key) &&
	       save_pubnub_keys(identity, directory);
}

bool identity_make(struct identity *identity, const char *directory)
{
	*identity = (struct identity){ 0 };
	if (make_smime(identity) && make_tls(identity) && make_pubnub_keys(identity) &&
		save(identity, directory))
		return true;
	log_error("standin: cannot make its identity directory=%s error=%m", directory);
	identity_reset(identity);
	return false;
}

static bool load_pem(const char *directory, const char *name, X509 **cert, EVP_PKEY **key)
{
	char path[PATH_MAX];
	size_t len = 0;
	CLEANUP(free)
	char *text = file_read(path_of(path, directory, name), IDENTITY_FILE_MAX, &len);
	CLEANUP(bio) BIO *bio = text ? BIO_new_mem_buf(text, (int)len) : NULL;

	*cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	if (*cert && key)
		*key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	return *cert && (!key || *key);
}

static bool load_pubnub_keys(struct identity *identity, const char *directory)
{
	char path[PATH_MAX];
	size_t len = 0;
	CLEANUP(free)
	char *text = file_read(path_of(path, directory, "pubnub.json"), IDENTITY_FILE_MAX, &len);
	CLEANUP(json) json_t *keys = text ? json_parse(bytes_of(text, len)) : NULL;
	const char *publish = json_text(keys, "publishKey");
	const char *subscribe = json_text(keys, "subscribeKey");

	if (!publish || !subscribe || strlen(publish) >= IDENTITY_KEY_MAX ||
		strlen(subscribe) >= IDENTITY_KEY_MAX)
		return false;
	(void)strcpy(identity->publish_key, publish);
	(void)strcpy(identity->subscribe_key, subscribe);
	return true;
}

bool identity_load(struct identity *identity, const char *directory)
{
	*identity = (struct identity){ 0 };
	if (load_pem(directory, "platform_ca.pem", &identity->anchor, NULL) &&
		load_pem(directory, "tls_ca.pem", &identity->tls_ca, NULL) &&
		load_pem(directory, "signer.pem", &identity->signer, &identity->signer_key) &&
		load_pem(directory, "tls.pem", &identity->tls_cert, &identity->tls_key) &&
		load_pubnub_keys(identity, directory))
		return true;
	log_debug("standin: no complete identity directory=%s", directory);
	identity_reset(identity);
	return false;
}

void identity_reset(struct identity *identity)
{
	X509_free(identity->anchor);
	X509_free(identity->signer);
	EVP_PKEY_free(identity->signer_key);
	X509_free(identity->tls_ca);
	X509_free(identity->tls_cert);
	EVP_PKEY_free(identity->tls_key);
	*identity = (struct identity){ 0 };
}
