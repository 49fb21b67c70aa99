/* SPDX-License-Identifier: Apache-2.0 */
/* The encrypted PIN file of an IoT-HSM appliance. */
#include "migrate_pins.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "json.h"
#include "text.h"

/* Hex of salt, IV, tag and ciphertext: AES-256-GCM, its key by PBKDF2-HMAC-SHA512. */
enum {
	SALT_LEN = 64,
	IV_LEN = 16,
	TAG_LEN = 16,
	HEAD_LEN = SALT_LEN + IV_LEN + TAG_LEN,
	KEY_LEN = 32,
	ITERATIONS = 100000,
	SEALED_MAX = MIGRATE_PINS_TEXT_MAX / 2
};

static bool is_machine_id(struct bytes text)
{
	uint8_t id[16];
	size_t len;

	return text.len == 2 * sizeof(id) &&
	       text_from_hex((const char *)text.data, id, sizeof(id), &len);
}

bool migrate_pins_read_machine(struct secret *machine, const char *path)
{
	static const uint8_t groups[] = { 8, 4, 4, 4, 12 };
	struct secret plain = { 0 };
	char dashed[64] = "";
	const uint8_t *in = plain.data;
	bool done = secret_read_file(&plain, path);

	for (size_t i = 0; done && i < ARRAY_LEN(groups); i++) {
		if (i > 0)
			(void)strcat(dashed, "-");
		(void)strncat(dashed, (const char *)in, groups[i]);
		in += groups[i];
	}
	if (done)
		done = secret_set(machine, is_machine_id(secret_bytes(&plain))
						   ? bytes_of_text(dashed)
						   : secret_bytes(&plain));
	explicit_bzero(dashed, sizeof(dashed));
	secret_wipe(&plain);
	return done;
}

static bool decrypt(const uint8_t key[KEY_LEN], struct bytes sealed, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t tag[TAG_LEN];
	int len = 0;

	memcpy(tag, sealed.data + SALT_LEN + IV_LEN, TAG_LEN);
	bool done = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL) == 1 &&
		    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, IV_LEN, NULL) == 1 &&
		    EVP_DecryptInit_ex(ctx, NULL, NULL, key, sealed.data + SALT_LEN) == 1 &&
		    EVP_DecryptUpdate(ctx, out, &len, sealed.data + HEAD_LEN,
			    (int)(sealed.len - HEAD_LEN)) == 1 &&
		    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1 &&
		    EVP_DecryptFinal_ex(ctx, out + len, &len) == 1;

	EVP_CIPHER_CTX_free(ctx);
	return done;
}

static json_t *unseal(struct bytes sealed, const struct secret *machine, const char **reason)
{
	size_t len = sealed.len - HEAD_LEN;
	uint8_t *plain = calloc(1, len + 1);
	uint8_t key[KEY_LEN];
	json_t *pins = NULL;

	*reason = "its plaintext is no JSON object";
	if (!plain ||
		PKCS5_PBKDF2_HMAC((const char *)machine->data, (int)machine->len, sealed.data,
			SALT_LEN, ITERATIONS, EVP_sha512(), KEY_LEN, key) != 1 ||
		!decrypt(key, sealed, plain))
		*reason = "it does not open with this machine id";
	else
		pins = json_parse(bytes_of(plain, len));
	explicit_bzero(key, sizeof(key));
	if (plain)
		explicit_bzero(plain, len);
	free(plain);
	return pins;
}

json_t *migrate_pins_open(struct bytes hex, const struct secret *machine, const char **reason)
{
	uint8_t *sealed = malloc(SEALED_MAX);
	char *text = strndup((const char *)hex.data, hex.len);
	json_t *pins = NULL;
	size_t len = 0;

	if (text)
		text[strcspn(text, "\r\n")] = '\0';
	*reason = "it is not the hex text that the appliance writes";
	if (sealed && text && text_from_hex(text, sealed, SEALED_MAX, &len) && len > HEAD_LEN)
		pins = unseal(bytes_of(sealed, len), machine, reason);
	free(sealed);
	free(text);
	if (pins && !json_is_object(pins)) {
		migrate_pins_wipe(pins);
		pins = NULL;
	}
	return pins;
}

static void wipe_texts(json_t *value)
{
	const char *key;
	json_t *member;

	if (json_is_string(value))
		explicit_bzero(
			(void *)(uintptr_t)json_string_value(value), json_string_length(value));
	json_object_foreach(value, key, member) wipe_texts(member);
	for (size_t i = 0; i < json_array_size(value); i++)
		wipe_texts(json_array_get(value, i));
}

void migrate_pins_wipe(json_t *pins)
{
	wipe_texts(pins);
	json_decref(pins);
}

/* The appliance gave SoftHSM tokens the SO PIN "false", which is no PIN that anybody chose. */
const char *migrate_pins_text(const json_t *token, const char *key)
{
	const char *text = json_text(token, key);
	size_t len = text ? strlen(text) : 0;

	if (len == 0 || len > SECRET_MAX || strcmp(text, "false") == 0)
		return NULL;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return NULL;
	return text;
}
