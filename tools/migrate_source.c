/* SPDX-License-Identifier: Apache-2.0 */
/* What an IoT-HSM appliance left in its directories; only ever read. */
#include "migrate_source.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "cli_error.h"
#include "file.h"
#include "json.h"
#include "migrate_pins.h"

enum { ENVIRONMENT_MAX = 64 * 1024, CREDENTIALS_MAX = 64 * 1024 };

/* One file, looked for in the directory itself and where the appliance keeps it below. */
struct source_file {
	char path[PATH_MAX];
	char *text; /* NULL: there is none */
	size_t len;
};

static void cleanup_source_file(struct source_file *file)
{
	if (file->text)
		explicit_bzero(file->text, file->len);
	free(file->text);
}

static CK_RV file_find(struct cli *cli, const char *directory, const char *name, size_t max,
	struct source_file *file)
{
	static const char *const places[] = { "", "state/", "tmp/" };

	for (size_t i = 0; i < ARRAY_LEN(places) && !file->text; i++) {
		int len = snprintf(
			file->path, sizeof(file->path), "%s/%s%s", directory, places[i], name);

		if (len < 0 || (size_t)len >= sizeof(file->path))
			return cli_refuse(
				cli, CLI_INPUT, "client: the path of %s is too long", directory);
		file->text = file_read(file->path, max, &file->len);
		if (!file->text && errno != ENOENT && errno != ENOTDIR)
			return cli_refuse(cli, CLI_INPUT,
				"client: cannot read %s: %s; nothing was changed", file->path,
				strerror(errno));
	}
	return CKR_OK;
}

static CK_RV refuse_file(struct cli *cli, const struct source_file *file, const char *reason)
{
	return cli_refuse(cli, CLI_INPUT, "client: cannot use %s: %s; nothing was changed",
		file->path, reason);
}

static CK_RV add_certificate(struct cli *cli, const struct source_file *file,
	struct migrate_source *source, const char *label, const json_t *object)
{
	const char *pem = json_text(object, "base64");
	CLEANUP(x509) X509 *cert = pem ? certificate_parse(NULL, bytes_of_text(pem)) : NULL;
	struct migrate_certificate *entry = &source->certificates[source->certificate_count];

	if (!cert)
		return refuse_file(cli, file, "one of its certificates cannot be read");
	if (source->certificate_count == MIGRATE_CERTIFICATES_MAX)
		return refuse_file(cli, file, "it has too many certificates");
	entry->label = strdup(label);
	entry->cert = steal(&cert);
	source->certificate_count++;
	return entry->label ? CKR_OK : cli_error(cli, CKR_HOST_MEMORY, "reading the state");
}

/* certificates.<token serial>.<key label>."Certificate Object"[] */
static CK_RV take_certificates(struct cli *cli, const struct source_file *file, const json_t *state,
	struct migrate_source *source)
{
	json_t *tokens = json_object_get(state, "certificates");
	const char *serial;
	const char *label;
	json_t *token;
	json_t *key;

	json_object_foreach(tokens, serial, token)
	{
		json_object_foreach(token, label, key)
		{
			const json_t *list = json_object_get(key, "Certificate Object");

			for (size_t i = 0; i < json_array_size(list); i++)
				TRY(add_certificate(
					cli, file, source, label, json_array_get(list, i)));
		}
	}
	return CKR_OK;
}

static CK_RV read_state(struct cli *cli, const char *directory, struct migrate_source *source)
{
	CLEANUP(source_file) struct source_file file = { 0 };
	CLEANUP(json) json_t *state = NULL;

	TRY(file_find(cli, directory, "state.json", STATE_TEXT_MAX, &file));
	if (!file.text)
		return CKR_OK;
	state = json_parse(bytes_of(file.text, file.len));
	if (!json_is_object(state))
		return refuse_file(cli, &file, "it is no JSON object");
	source->has_uuid = state_parse(bytes_of(file.text, file.len), &source->state);
	if (!source->has_uuid && json_object_get(state, "uuid"))
		return refuse_file(cli, &file, "its uuid is none");
	return take_certificates(cli, &file, state, source);
}

static CK_RV read_pins(struct cli *cli, const char *directory, struct migrate_source *source)
{
	CLEANUP(source_file) struct source_file file = { 0 };
	struct secret machine = { 0 };
	const char *reason;

	TRY(file_find(cli, directory, "pins.js", MIGRATE_PINS_TEXT_MAX, &file));
	if (!file.text)
		return CKR_OK;
	if (!cli->options.machine_id)
		return refuse_file(cli, &file,
			"it opens with the id of the machine that wrote it only; give a copy of "
			"its /var/lib/dbus/machine-id, or of the .nodemid in the home directory "
			"where that is missing, by --machine-id FILE");
	if (!migrate_pins_read_machine(&machine, cli->options.machine_id))
		return cli_refuse(cli, CLI_INPUT, "client: cannot read the machine id %s: %s",
			cli->options.machine_id, strerror(errno));
	source->pins = migrate_pins_open(bytes_of(file.text, file.len), &machine, &reason);
	secret_wipe(&machine);
	return source->pins ? CKR_OK : refuse_file(cli, &file, reason);
}

static CK_RV read_kms(struct cli *cli, const char *directory, struct migrate_source *source)
{
	CLEANUP(source_file) struct source_file rings = { 0 };
	CLEANUP(source_file) struct source_file credentials = { 0 };
	const char *reason;

	TRY(file_find(cli, directory, "pkcs11-kms.yml", MIGRATE_KMS_TEXT_MAX, &rings));
	if (rings.text &&
		!migrate_kms_parse(bytes_of(rings.text, rings.len), &source->rings, &reason))
		return refuse_file(cli, &rings, reason);
	TRY(file_find(cli, directory, "gcloud.json", CREDENTIALS_MAX, &credentials));
	source->credentials_len = credentials.len;
	source->credentials = steal(&credentials.text);
	return CKR_OK;
}

static bool is_host_name(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > MIGRATE_PLATFORM_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '.' && text[i] != '-')
			return false;
	return true;
}

/* KEY=VALUE, the value quoted or not. */
static CK_RV take_setting(
	struct cli *cli, const struct source_file *file, char *line, struct migrate_source *source)
{
	char *value = strchr(line, '=');

	if (!value)
		return CKR_OK;
	*value++ = '\0';
	value += strspn(value, " \t");
	if (*value == '"' || *value == '\'') {
		const char quote[] = { *value++, '\0' };

		value[strcspn(value, quote)] = '\0';
	} else {
		value[strcspn(value, " \t\r")] = '\0';
	}
	line += strspn(line, " \t");
	line[strcspn(line, " \t")] = '\0';
	if (strcmp(line, "USERPIN") == 0 || strcmp(line, "SOPIN") == 0)
		source->has_default_pins = true;
	if (strcmp(line, "PLATFORMFQDN") != 0)
		return CKR_OK;
	if (!is_host_name(value))
		return refuse_file(cli, file, "PLATFORMFQDN is no host name");
	(void)strcpy(source->platform, value);
	return CKR_OK;
}

static CK_RV read_environment(struct cli *cli, const char *directory, struct migrate_source *source)
{
	CLEANUP(source_file) struct source_file file = { 0 };

	TRY(file_find(cli, directory, ".env", ENVIRONMENT_MAX, &file));
	char *rest = file.text;

	while (rest)
		TRY(take_setting(cli, &file, strsep(&rest, "\n"), source));
	return CKR_OK;
}

CK_RV migrate_source_read(struct cli *cli, const char *directory, struct migrate_source *source)
{
	TRY(read_state(cli, directory, source));
	TRY(read_pins(cli, directory, source));
	TRY(read_kms(cli, directory, source));
	TRY(read_environment(cli, directory, source));
	if (source->has_uuid || source->certificate_count > 0 || source->pins ||
		source->rings.count > 0)
		return CKR_OK;
	return cli_refuse(cli, CLI_INPUT,
		"client: %s holds nothing of an IoT-HSM appliance; name its state directory "
		"(STATEDIR, or /var/node/iot-hsm)",
		directory);
}

void migrate_source_reset(struct migrate_source *source)
{
	for (size_t i = 0; i < source->certificate_count; i++) {
		free(source->certificates[i].label);
		X509_free(source->certificates[i].cert);
	}
	migrate_pins_wipe(source->pins);
	if (source->credentials)
		explicit_bzero(source->credentials, source->credentials_len);
	free(source->credentials);
	*source = (struct migrate_source){ 0 };
}
