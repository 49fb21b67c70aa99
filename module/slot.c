/* SPDX-License-Identifier: Apache-2.0 */
/* C_GetSlotList and C_GetSlotInfo: the front's answers, and what is known without it. */
#include "slot.h"

#include <pthread.h>

#include "invoke.h"
#include "library.h"

enum { SLOTS_KNOWN_MAX = 256 };

struct slot_list {
	bool announced; /* by a size query: the calls that follow give exactly this list */
	CK_ULONG count;
	CK_SLOT_ID ids[SLOTS_KNOWN_MAX];
};

struct known_info {
	CK_SLOT_ID id;
	bool known;
	CK_SLOT_INFO info;
};

static struct slot_list lists[2]; /* by tokenPresent */
static struct known_info infos[SLOTS_KNOWN_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards both */

static CK_RV take_list(const Reply *reply, struct slot_list *list)
{
	if (reply->rv != CKR_OK)
		return (CK_RV)reply->rv;
	if (reply->data.len % sizeof(CK_SLOT_ID) != 0 || reply->data.len > sizeof(list->ids))
		return CKR_DEVICE_ERROR;
	list->count = reply->data.len / sizeof(CK_SLOT_ID);
	if (list->count > 0)
		memcpy(list->ids, reply->data.data, reply->data.len);
	return CKR_OK;
}

static CK_RV ask_list(bool present, struct slot_list *list)
{
	Call call = { .function = Function_C_GetSlotList, .number = present };
	struct exchange exchange;

	TRY(invoke_control(&call, &exchange));
	CK_RV rv = take_list(&exchange.reply, list);

	invoke_end(&exchange);
	return rv;
}

/* Without an agent no slot has a token, and the slots are those that were seen before. */
static void refresh_list(bool present, bool announced)
{
	struct slot_list fresh = { 0 };
	CK_RV rv = ask_list(present, &fresh);

	(void)pthread_mutex_lock(&lock);
	if (rv == CKR_OK || present)
		lists[present] = fresh;
	lists[present].announced = announced;
	(void)pthread_mutex_unlock(&lock);
}

static CK_RV give_list(const struct slot_list *list, CK_SLOT_ID *ids, CK_ULONG *count)
{
	CK_ULONG offered = *count;

	*count = list->count;
	if (!ids)
		return CKR_OK;
	if (offered < list->count)
		return CKR_BUFFER_TOO_SMALL;
	memcpy(ids, list->ids, list->count * sizeof(*ids));
	return CKR_OK;
}

CK_RV C_GetSlotList(unsigned char token_present, CK_SLOT_ID *slot_list, unsigned long *count)
{
	bool present = token_present != 0;

	TRY(library_check());
	if (!count)
		return CKR_ARGUMENTS_BAD;
	(void)pthread_mutex_lock(&lock);
	bool announced = lists[present].announced;

	(void)pthread_mutex_unlock(&lock);
	if (!slot_list || !announced)
		refresh_list(present, !slot_list);
	(void)pthread_mutex_lock(&lock);
	CK_RV rv = give_list(&lists[present], slot_list, count);

	(void)pthread_mutex_unlock(&lock);
	return rv;
}

static struct known_info *info_place_locked(CK_SLOT_ID id)
{
	for (size_t i = 0; i < SLOTS_KNOWN_MAX; i++) {
		if (!infos[i].known || infos[i].id == id)
			return &infos[i];
	}
	return NULL;
}

static void keep_info(CK_SLOT_ID id, const CK_SLOT_INFO *info)
{
	(void)pthread_mutex_lock(&lock);
	struct known_info *place = info_place_locked(id);

	if (place)
		*place = (struct known_info){ .id = id, .known = true, .info = *info };
	(void)pthread_mutex_unlock(&lock);
}

/* The slot without its token, when it is known: from its info, else from a list. */
static CK_RV recall_info(CK_SLOT_ID id, CK_SLOT_INFO *info)
{
	bool listed = false;

	(void)pthread_mutex_lock(&lock);
	const struct known_info *place = info_place_locked(id);
	bool known = place && place->known;

	if (known)
		*info = place->info;
	for (CK_ULONG i = 0; i < lists[false].count && !known && !listed; i++)
		listed = lists[false].ids[i] == id;
	(void)pthread_mutex_unlock(&lock);
	if (!known && !listed)
		return CKR_SLOT_ID_INVALID;
	if (!known) {
		*info = (CK_SLOT_INFO){ 0 };
		library_pad(info->slotDescription, sizeof(info->slotDescription), "iothsm slot");
		library_pad(info->manufacturerID, sizeof(info->manufacturerID), "iothsm");
	}
	info->flags &= ~CKF_TOKEN_PRESENT;
	return CKR_OK;
}

static CK_RV take_info(const Reply *reply, CK_SLOT_INFO *info)
{
	if (reply->rv != CKR_OK)
		return (CK_RV)reply->rv;
	if (reply->data.len != sizeof(*info))
		return CKR_DEVICE_ERROR;
	memcpy(info, reply->data.data, sizeof(*info));
	return CKR_OK;
}

CK_RV C_GetSlotInfo(CK_SLOT_ID id, CK_SLOT_INFO *info)
{
	Call call = { .function = Function_C_GetSlotInfo, .handle = id };
	struct exchange exchange;

	TRY(library_check());
	if (!info)
		return CKR_ARGUMENTS_BAD;
	if (invoke_control(&call, &exchange) != CKR_OK)
		return recall_info(id, info);
	CK_RV rv = take_info(&exchange.reply, info);

	invoke_end(&exchange);
	if (rv == CKR_OK)
		keep_info(id, info);
	return rv;
}

static void forget_all_locked(void)
{
	memset(lists, 0, sizeof(lists));
	for (size_t i = 0; i < SLOTS_KNOWN_MAX && infos[i].known; i++)
		infos[i].known = false;
}

void slot_forget_all(void)
{
	(void)pthread_mutex_lock(&lock);
	forget_all_locked();
	(void)pthread_mutex_unlock(&lock);
}

void slot_forget_parent(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

	memcpy(&lock, &fresh, sizeof(lock));
	forget_all_locked();
}
