/* SPDX-License-Identifier: Apache-2.0 */
/* Find: the backend's and the agent's objects that the client may see, read to the end at once. */
#include <stdlib.h>

#include "call.h"
#include "object_table.h"

struct results {
	CK_OBJECT_HANDLE *handles;
	size_t count;
};

static CK_RV add_native(struct request *request, const CK_OBJECT_HANDLE *natives, size_t count,
	struct results *results)
{
	struct object_view view;

	for (size_t i = 0; i < count; i++) {
		CK_RV rv = object_map(request->token, request->client, natives[i], &view);

		if (rv == CKR_OK)
			results->handles[results->count++] = view.handle;
		else if (rv != CKR_OBJECT_HANDLE_INVALID)
			return rv;
	}
	return CKR_OK;
}

static CK_RV add_stored(
	struct request *request, const uint64_t *ids, size_t count, struct results *results)
{
	struct object_view view;

	for (size_t i = 0; i < count; i++) {
		CK_RV rv = object_map_stored(request->token, ids[i], &view);

		if (rv == CKR_OK)
			results->handles[results->count++] = view.handle;
		else if (rv != CKR_OBJECT_HANDLE_INVALID)
			return rv;
	}
	return CKR_OK;
}

static CK_RV find_native(struct request *request, CK_OBJECT_HANDLE **natives, size_t *count)
{
	const struct attributes *template = &request->call->attributes;
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;

	TRY(token_take_session(request->token, &native));
	CK_RV rv = object_find_native(
		request->token, native, template->list, template->count, natives, count);

	if (rv == CKR_OK)
		token_put_session(request->token, native);
	else
		token_close_session(request->token, native);
	return rv;
}

static CK_RV find_stored(struct request *request, uint64_t **ids, size_t *count)
{
	const struct attributes *template = &request->call->attributes;

	if (!request->token->store)
		return CKR_OK;
	*ids = arena_take(request->arena, STORE_OBJECTS_MAX * sizeof(**ids));
	if (!*ids)
		return CKR_HOST_MEMORY;
	return store_find(request->token->store, template->list, template->count, *ids,
		STORE_OBJECTS_MAX, count);
}

static CK_RV collect(struct request *request, struct results *results)
{
	CK_OBJECT_HANDLE *natives = NULL;
	size_t native_count = 0, stored_count = 0;
	uint64_t *ids = NULL;

	TRY(find_stored(request, &ids, &stored_count));
	TRY(find_native(request, &natives, &native_count));
	results->handles = calloc(native_count + stored_count + 1, sizeof(*results->handles));
	CK_RV rv = results->handles ? add_native(request, natives, native_count, results)
				    : CKR_HOST_MEMORY;

	free(natives);
	return rv == CKR_OK ? add_stored(request, ids, stored_count, results) : rv;
}

static CK_RV give_next(struct request *request, uint64_t wanted)
{
	struct find *find = &request->session->find;
	size_t left = find->count - find->next;
	size_t count = wanted < left ? (size_t)wanted : left;

	if (count > 0) {
		size_t len = count * sizeof(*find->handles);
		const void *copy = arena_copy(request->arena, find->handles + find->next, len);

		if (!copy)
			return CKR_HOST_MEMORY;
		request->reply->data = bytes_of(copy, len);
	}
	find->next += count;
	request->reply->number = find->next == find->count;
	return CKR_OK;
}

/* A find whose end the client was told of may be followed by the next without a Final. */
CK_RV call_find_objects_init(struct request *request)
{
	struct session *session = request->session;
	struct results results = { 0 };

	if (session->find.active && session->find.next < session->find.count)
		return CKR_OPERATION_ACTIVE;
	session_end_find(session);
	CK_RV rv = collect(request, &results);

	if (rv != CKR_OK) {
		free(results.handles);
		return rv;
	}
	session->find = (struct find){ true, results.handles, results.count, 0 };
	return give_next(request, request->call->number);
}

CK_RV call_find_objects(struct request *request)
{
	if (!request->session->find.active)
		return CKR_OPERATION_NOT_INITIALIZED;
	return give_next(request, request->call->number);
}

CK_RV call_find_objects_final(struct request *request)
{
	if (!request->session->find.active)
		return CKR_OPERATION_NOT_INITIALIZED;
	session_end_find(request->session);
	return CKR_OK;
}
