/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's object store: what is put stays, over restarts; what is damaged is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <iothsm/iothsm.h>

#include "file.h"
#include "store.h"
#include "store_object.h"
#include "support/directory.h"

static struct store *open_store(void **state)
{
	const struct directory *directory = *state;
	struct store *store = store_open(directory->path, "soft", "12 34/..");

	assert_non_null(store);
	return store;
}

static CK_RV put(struct store *store, const char *label, uint64_t *id)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	char application[] = "test", value[] = "the value";
	CK_ATTRIBUTE list[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_APPLICATION, application, 4 },
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) }, { CKA_VALUE, value, 9 } };

	return store_put(store, list, ARRAY_LEN(list), id);
}

static size_t count_label(struct store *store, const char *label, uint64_t *first)
{
	CK_ATTRIBUTE wanted = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };
	uint64_t ids[8] = { 0 };
	size_t count = 0;

	assert_int_equal(store_find(store, &wanted, 1, ids, ARRAY_LEN(ids), &count), CKR_OK);
	*first = ids[0];
	return count;
}

/* The path of the only object file below the directory. */
static void object_file(void **state, char path[PATH_MAX])
{
	const char *directory = directory_file(*state, "soft/12%2034%2f%2e%2e");
	DIR *listing = opendir(directory);
	size_t found = 0;

	assert_non_null(listing);
	for (const struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
		if (strstr(entry->d_name, ".object")) {
			(void)snprintf(path, PATH_MAX, "%s/%s", directory, entry->d_name);
			found++;
		}
	}
	(void)closedir(listing);
	assert_int_equal(found, 1);
}

static void object_is_the_same_after_a_restart(void **state)
{
	struct store *store = open_store(state);
	uint64_t id = 0, found = 0;
	char value[16];
	CK_ATTRIBUTE asked = { CKA_VALUE, value, sizeof(value) };

	assert_int_equal(put(store, "kept", &id), CKR_OK);
	store_close(store);
	store = open_store(state);

	assert_int_equal(count_label(store, "kept", &found), 1);
	assert_true(found == id);
	assert_int_equal(store_get(store, id, &asked, 1), CKR_OK);
	assert_int_equal(asked.ulValueLen, 9);
	assert_memory_equal(value, "the value", 9);
	store_close(store);
}

static void defaults_are_added(void **state)
{
	struct store *store = open_store(state);
	CK_BBOOL token = 9, private = 9, modifiable = 9, destroyable = 9;
	CK_ATTRIBUTE asked[] = { { CKA_TOKEN, &token, 1 }, { CKA_PRIVATE, &private, 1 },
		{ CKA_MODIFIABLE, &modifiable, 1 }, { CKA_DESTROYABLE, &destroyable, 1 } };
	uint64_t id = 0;

	assert_int_equal(put(store, "x", &id), CKR_OK);
	assert_int_equal(store_get(store, id, asked, ARRAY_LEN(asked)), CKR_OK);

	assert_int_equal(token, CK_TRUE);
	assert_int_equal(private, CK_FALSE);
	assert_int_equal(modifiable, CK_FALSE);
	assert_int_equal(destroyable, CK_TRUE);
	store_close(store);
}

static void get_answers_every_attribute(void **state)
{
	struct store *store = open_store(state);
	char small[2], label[8];
	CK_ATTRIBUTE asked[] = { { CKA_MODULUS, NULL, 0 }, { CKA_VALUE, small, sizeof(small) },
		{ CKA_VALUE, NULL, 0 }, { CKA_LABEL, label, sizeof(label) } };
	uint64_t id = 0;

	assert_int_equal(put(store, "x", &id), CKR_OK);
	assert_int_equal(store_get(store, id, asked, 4), CKR_ATTRIBUTE_TYPE_INVALID);

	assert_true(asked[0].ulValueLen == CK_UNAVAILABLE_INFORMATION);
	assert_true(asked[1].ulValueLen == CK_UNAVAILABLE_INFORMATION);
	assert_int_equal(asked[2].ulValueLen, 9);
	assert_int_equal(asked[3].ulValueLen, 1);
	asked[1].ulValueLen = sizeof(small);
	assert_int_equal(store_get(store, id, asked + 1, 1), CKR_BUFFER_TOO_SMALL);
	store_close(store);
}

static void removed_object_is_gone_and_its_id_not_given_again(void **state)
{
	struct store *store = open_store(state);
	uint64_t first = 0, second = 0, found;

	assert_int_equal(put(store, "x", &first), CKR_OK);
	assert_int_equal(store_remove(store, first), CKR_OK);
	assert_int_equal(store_remove(store, first), CKR_OBJECT_HANDLE_INVALID);
	store_close(store);
	store = open_store(state);
	assert_int_equal(put(store, "x", &second), CKR_OK);

	assert_true(second > first);
	assert_int_equal(count_label(store, "x", &found), 1);
	store_close(store);
}

static void objects_are_found_oldest_first(void **state)
{
	struct store *store = open_store(state);
	uint64_t made[3], found[3];
	size_t count;

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(put(store, "x", &made[i]), CKR_OK);
	store_close(store);
	store = open_store(state);

	assert_int_equal(store_find(store, NULL, 0, found, 3, &count), CKR_OK);
	assert_int_equal(count, 3);
	assert_memory_equal(found, made, sizeof(made));
	assert_int_equal(store_find(store, NULL, 0, found, 2, &count), CKR_OK);
	assert_int_equal(count, 2);
	store_close(store);
}

/* Every single damaged byte, and every length, must be noticed. */
static void damaged_file_is_skipped_and_kept(void **state)
{
	struct store *store = open_store(state);
	char path[PATH_MAX];
	uint64_t id, found;
	size_t len;

	assert_int_equal(put(store, "x", &id), CKR_OK);
	store_close(store);
	object_file(state, path);
	char *content = file_read(path, STORE_FILE_MAX, &len);

	assert_non_null(content);
	for (size_t i = 0; i < len; i++) {
		content[i] ^= 0x10;
		assert_null(store_object_decode(bytes_of(content, len), id));
		content[i] ^= 0x10;
		assert_null(store_object_decode(bytes_of(content, i), id));
	}
	content[40] ^= 1;
	assert_true(file_replace(path, bytes_of(content, len), 0600));
	free(content);
	store = open_store(state);
	assert_int_equal(count_label(store, "x", &found), 0);
	assert_int_equal(access(path, F_OK), 0);
	store_close(store);
}

static void file_under_another_name_is_refused(void **state)
{
	struct store *store = open_store(state);
	char path[PATH_MAX];
	uint64_t id;
	size_t len;

	assert_int_equal(put(store, "x", &id), CKR_OK);
	store_close(store);
	object_file(state, path);
	char *content = file_read(path, STORE_FILE_MAX, &len);
	struct store_object *same = store_object_decode(bytes_of(content, len), id);

	assert_non_null(same);
	assert_null(store_object_decode(bytes_of(content, len), id + 1));
	store_object_free(same);
	free(content);
}

static void keys_and_array_attributes_are_refused(void **state)
{
	struct store *store = open_store(state);
	CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY, data = CKO_DATA;
	CK_ATTRIBUTE key[] = { { CKA_CLASS, &private_key, sizeof(private_key) } };
	CK_ATTRIBUTE array[] = { { CKA_CLASS, &data, sizeof(data) },
		{ CKA_WRAP_TEMPLATE, key, sizeof(key) } };
	CK_ATTRIBUTE twice[] = { { CKA_CLASS, &data, sizeof(data) },
		{ CKA_CLASS, &data, sizeof(data) } };
	uint64_t id;

	assert_int_equal(store_put(store, key, 1, &id), CKR_TEMPLATE_INCONSISTENT);
	assert_int_equal(store_put(store, array, 2, &id), CKR_TEMPLATE_INCONSISTENT);
	assert_int_equal(store_put(store, twice, 2, &id), CKR_TEMPLATE_INCONSISTENT);
	assert_int_equal(store_put(store, NULL, 0, &id), CKR_TEMPLATE_INCONSISTENT);
	store_close(store);
}

static void too_large_object_is_refused(void **state)
{
	struct store *store = open_store(state);
	CK_OBJECT_CLASS data = CKO_DATA;
	char *large = calloc(1, STORE_OBJECT_MAX);
	CK_ATTRIBUTE list[] = { { CKA_CLASS, &data, sizeof(data) },
		{ CKA_VALUE, large, STORE_OBJECT_MAX } };
	uint64_t id;

	assert_int_equal(store_put(store, list, 2, &id), CKR_IOTHSM_STORE_FULL);
	list[1].ulValueLen = STORE_OBJECT_MAX - sizeof(data);
	assert_int_equal(store_put(store, list, 2, &id), CKR_OK);
	free(large);
	store_close(store);
}

/* Files as the store writes them, but without a wait for the disk after each. */
static void fill(void **state, const char *source)
{
	const char *directory = directory_file(*state, "soft/12%2034%2f%2e%2e");
	const char *name = strrchr(source, '/') + 1;
	uint64_t id = strtoull(name, NULL, 16);
	size_t len;
	char *content = file_read(source, STORE_FILE_MAX, &len);
	struct store_object *object = store_object_decode(bytes_of(content, len), id);

	assert_non_null(object);
	for (object->id = 1; object->id < STORE_OBJECTS_MAX; object->id++) {
		char path[PATH_MAX];
		uint8_t *made;

		assert_int_equal(store_object_encode(object, &made, &len), CKR_OK);
		(void)snprintf(path, sizeof(path), "%s/%016llx.object", directory,
			(unsigned long long)object->id);
		FILE *file = fopen(path, "we");

		assert_non_null(file);
		assert_int_equal(fwrite(made, 1, len, file), len);
		assert_int_equal(fclose(file), 0);
		free(made);
	}
	store_object_free(object);
	free(content);
}

static void full_store_takes_no_more(void **state)
{
	struct store *store = open_store(state);
	char path[PATH_MAX];
	uint64_t id, other;

	assert_int_equal(put(store, "x", &id), CKR_OK);
	store_close(store);
	object_file(state, path);
	fill(state, path);
	store = open_store(state);

	assert_int_equal(put(store, "x", &other), CKR_IOTHSM_STORE_FULL);
	assert_int_equal(store_remove(store, 1), CKR_OK);
	assert_int_equal(put(store, "x", &other), CKR_OK);
	store_close(store);
}

static void unwritable_directory_is_told(void **state)
{
	const char *blocked = directory_file(*state, "blocked");
	uint64_t id;

	assert_true(file_replace(blocked, bytes_of_text("a file"), 0600));
	struct store *store = store_open(blocked, "soft", "1");

	/* A file where a directory should be: neither read nor written, and never silently so. */
	assert_true(!store || put(store, "x", &id) == CKR_IOTHSM_STORE_FULL);
	store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, directory_setup, directory_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(object_is_the_same_after_a_restart),
		TEST(defaults_are_added),
		TEST(get_answers_every_attribute),
		TEST(removed_object_is_gone_and_its_id_not_given_again),
		TEST(objects_are_found_oldest_first),
		TEST(damaged_file_is_skipped_and_kept),
		TEST(file_under_another_name_is_refused),
		TEST(keys_and_array_attributes_are_refused),
		TEST(too_large_object_is_refused),
		TEST(full_store_takes_no_more),
		TEST(unwritable_directory_is_told),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
