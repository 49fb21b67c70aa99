/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys and certificates of one token, and which of them belong together. */
#include "hsm_holdings.h"

#include <stdlib.h>

#include "certificate.h"

/* The newest of those with this public key. */
static X509 *choose(struct hsm_holdings *holdings, const EVP_PKEY *key)
{
	X509 *best = NULL;

	for (size_t i = 0; i < holdings->cert_count; i++) {
		X509 *cert = holdings->certs[i].cert;

		if (!certificate_has_key(cert, key))
			continue;
		holdings->certs[i].used = true;
		if (!best ||
			ASN1_TIME_compare(X509_get0_notBefore(cert), X509_get0_notBefore(best)) > 0)
			best = cert;
	}
	return best;
}

/* The private key under the id of a certificate that is not its own. */
static const struct hsm_pair *find_other(
	const struct hsm_holdings *holdings, const struct hsm_certificate *held)
{
	for (size_t i = 0; held->id_len > 0 && i < holdings->pair_count; i++) {
		const struct hsm_pair *pair = &holdings->pairs[i];

		if (bytes_equal(bytes_of(pair->id, pair->id_len), bytes_of(held->id, held->id_len)))
			return pair;
	}
	return NULL;
}

static bool issues_another(const struct hsm_holdings *holdings, const X509 *issuer)
{
	const X509_NAME *name = X509_get_subject_name(issuer);

	for (size_t i = 0; i < holdings->cert_count; i++) {
		const X509 *cert = holdings->certs[i].cert;

		if (cert != issuer && X509_NAME_cmp(X509_get_issuer_name(cert), name) == 0 &&
			X509_NAME_cmp(X509_get_subject_name(cert), name) != 0)
			return true;
	}
	return false;
}

static void report_pairs(struct hsm_holdings *holdings, size_t token, hsm_take *take, void *context)
{
	for (size_t i = 0; i < holdings->pair_count; i++) {
		struct hsm_pair *pair = &holdings->pairs[i];
		X509 *cert = choose(holdings, pair->key);
		struct hsm_found found = { token, bytes_of(pair->id, pair->id_len), cert, pair->key,
			HSM_LACKS_NOTHING };

		pair->used = cert != NULL;
		if (cert)
			take(context, &found);
	}
}

static void report_lonely_keys(
	const struct hsm_holdings *holdings, size_t token, hsm_take *take, void *context)
{
	for (size_t i = 0; i < holdings->pair_count; i++) {
		const struct hsm_pair *pair = &holdings->pairs[i];
		struct hsm_found found = { token, bytes_of(pair->id, pair->id_len), NULL, pair->key,
			HSM_LACKS_CERTIFICATE };

		if (!pair->used)
			take(context, &found);
	}
}

static void report_lonely_certificates(
	const struct hsm_holdings *holdings, size_t token, hsm_take *take, void *context)
{
	for (size_t i = 0; i < holdings->cert_count; i++) {
		const struct hsm_certificate *held = &holdings->certs[i];
		const struct hsm_pair *other = find_other(holdings, held);
		struct hsm_found found = { token, bytes_of(held->id, held->id_len), held->cert,
			other ? other->key : NULL, other ? HSM_LACKS_MATCH : HSM_LACKS_KEY };

		if (!held->used && (other || !issues_another(holdings, held->cert)))
			take(context, &found);
	}
}

void hsm_holdings_report(struct hsm_holdings *holdings, size_t token, hsm_take *take, void *context)
{
	report_pairs(holdings, token, take, context);
	report_lonely_keys(holdings, token, take, context);
	report_lonely_certificates(holdings, token, take, context);
}

void hsm_holdings_free(struct hsm_holdings *holdings)
{
	if (!holdings)
		return;
	for (size_t i = 0; i < holdings->cert_count; i++)
		X509_free(holdings->certs[i].cert);
	for (size_t i = 0; i < holdings->pair_count; i++)
		EVP_PKEY_free(holdings->pairs[i].key);
	free(holdings);
}
