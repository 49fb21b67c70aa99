/* SPDX-License-Identifier: Apache-2.0 */
/* Key generation that takes long: bounded for those without the right, and one at a time a user. */
#include "expense.h"

#include <iothsm/iothsm.h>

#include "connection.h"
#include "creation.h"
#include "permit.h"

enum { EXPENSE_WAIT_MS = 240 * 1000 };

/*
 * What searches for primes, the attribute that says how large ones, what is free for all, and what
 * asks for the right admin: a login has to wait for it, and whoever comes after that login too.
 */
static const struct expense {
	CK_MECHANISM_TYPE type;
	CK_ATTRIBUTE_TYPE size;
	CK_ULONG bits_free; /* 0: none */
	CK_ULONG bits_most; /* 0: whatever the library takes, which is not long */
} expenses[] = {
	{ CKM_RSA_PKCS_KEY_PAIR_GEN, CKA_MODULUS_BITS, 4096, 8192 },
	{ CKM_IOTHSM_PREPARE_KEY, CKA_MODULUS_BITS, 4096, 8192 },
	{ CKM_RSA_X9_31_KEY_PAIR_GEN, CKA_MODULUS_BITS, 4096, 8192 },
	{ CKM_DSA_KEY_PAIR_GEN, 0, 0, 0 },
	{ CKM_DH_PKCS_KEY_PAIR_GEN, 0, 0, 0 },
	{ CKM_X9_42_DH_KEY_PAIR_GEN, 0, 0, 0 },
	{ CKM_DSA_PARAMETER_GEN, CKA_PRIME_BITS, 0, 3072 },
	{ CKM_DH_PKCS_PARAMETER_GEN, CKA_PRIME_BITS, 0, 2048 },
	{ CKM_X9_42_DH_PARAMETER_GEN, CKA_PRIME_BITS, 0, 3072 },
	{ CKM_PKCS5_PBKD2, 0, 0, 0 },
};

static const struct expense *find(const struct request *request)
{
	for (size_t i = 0; i < ARRAY_LEN(expenses); i++)
		if (expenses[i].type == request->mechanism.mechanism)
			return &expenses[i];
	return NULL;
}

/* Every value counts, as libraries differ in which of two they take. */
static bool is_within(
	const struct expense *expense, const struct attributes *attributes, CK_ULONG bits_max)
{
	CK_ULONG bits = 0;

	for (CK_ULONG i = 0; i < attributes->count; i++) {
		const CK_ATTRIBUTE *attribute = &attributes->list[i];

		if (attribute->type != expense->size)
			continue;
		if (!attribute->pValue || attribute->ulValueLen != sizeof(bits))
			return false;
		memcpy(&bits, attribute->pValue, sizeof(bits));
		if (bits > bits_max)
			return false;
	}
	return bits_max > 0;
}

CK_RV expense_check(const struct request *request)
{
	const struct attributes *attributes = &request->call->attributes;
	const struct expense *expense = find(request);

	if (!expense)
		return CKR_OK;
	if (expense->bits_most > 0 && !is_within(expense, attributes, expense->bits_most))
		TRY(permit_rights(request, IOTHSM_RIGHT_ADMIN));
	if (is_within(expense, attributes, expense->bits_free))
		return CKR_OK;
	return permit_rights(request, IOTHSM_RIGHT_GENERATE);
}

static bool is_busy_locked(const struct host *host, uid_t uid)
{
	for (size_t i = 0; i < host->busy_count; i++)
		if (host->busy_uids[i] == uid)
			return true;
	return host->busy_count == HOST_BUSY_MAX;
}

CK_RV expense_begin(const struct request *request)
{
	struct host *host = request->token->host;
	int64_t until_ms = wire_now_ms() + EXPENSE_WAIT_MS;
	struct timespec until = { until_ms / 1000, until_ms % 1000 * 1000000 };
	uid_t uid = request->client->uid;
	int failure = 0;

	if (!find(request))
		return CKR_OK;
	connection_expect_long();
	(void)pthread_mutex_lock(&host->lock);
	while (is_busy_locked(host, uid) && failure == 0)
		failure = pthread_cond_timedwait(&host->ended, &host->lock, &until);
	if (failure == 0)
		host->busy_uids[host->busy_count++] = uid;
	(void)pthread_mutex_unlock(&host->lock);
	connection_restart_watch();
	return failure == 0 ? CKR_OK : CKR_DEVICE_ERROR;
}

void expense_end(const struct request *request)
{
	struct host *host = request->token->host;

	if (!find(request))
		return;
	(void)pthread_mutex_lock(&host->lock);
	for (size_t i = 0; i < host->busy_count; i++) {
		if (host->busy_uids[i] != request->client->uid)
			continue;
		host->busy_uids[i] = host->busy_uids[--host->busy_count];
		break;
	}
	(void)pthread_cond_broadcast(&host->ended);
	(void)pthread_mutex_unlock(&host->lock);
}
