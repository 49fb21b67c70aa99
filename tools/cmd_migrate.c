/* SPDX-License-Identifier: Apache-2.0 */
/* iothsm migrate: what an IoT-HSM appliance knows, taken over; only shown unless --apply is given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "certificate.h"
#include "cleanup.h"
#include "cli_error.h"
#include "cli_output.h"
#include "cli_pin.h"
#include "migrate_pins.h"
#include "migrate_place.h"
#include "migrate_source.h"
#include "migrate_token.h"
#include "text.h"

#define CONFIG_DIRECTORY "/etc/iothsm"
#define STATE_DIRECTORY  "/var/lib/iothsm"
#define KEPT             "migrated/"

enum { NAME_MAX_LEN = 96, TARGET_MAX = PATH_MAX, SERIAL_MAX = 16 };

static const struct cli_column columns[] = {
	{ "item", "ITEM" },
	{ "action", "ACTION" },
	{ "detail", "DETAIL" },
};

/* One run: the steps are walked through either way, and act only when they shall. */
struct migration {
	struct cli *cli;
	struct migrate_source source;
	struct migrate_place agent;
	struct migrate_place bridge;
	char agent_directory[PATH_MAX];
	char bridge_directory[PATH_MAX];
	FILE *snippet; /* of agent.conf, into the memory below */
	char *snippet_text;
	size_t snippet_len;
	json_t *rows;
};

static void cleanup_migration(struct migration *migration)
{
	if (migration->snippet)
		(void)fclose(migration->snippet);
	free(migration->snippet_text);
	json_decref(migration->rows);
	migrate_source_reset(&migration->source);
}

static void row_add(
	struct migration *migration, const char *item, const char *action, const char *detail)
{
	json_t *row = json_object();

	(void)json_object_set_new(row, "item", cli_output_text(bytes_of_text(item)));
	(void)json_object_set_new(row, "action", json_string(action));
	(void)json_object_set_new(row, "detail", cli_output_text(bytes_of_text(detail)));
	(void)json_array_append_new(migration->rows, row);
}

/* A file is written when its content is another one; what was there is kept when it is precious. */
static CK_RV put_file(struct migration *migration, const char *item,
	const struct migrate_place *place, const char *name, struct bytes content)
{
	static const char *const actions[] = {
		[MIGRATE_ABSENT] = "write", [MIGRATE_EQUAL] = "keep", [MIGRATE_OTHER] = "replace"
	};
	enum migrate_state state = migrate_place_compare(place, name, content);
	char target[TARGET_MAX];

	(void)snprintf(target, sizeof(target), "%s/%s", place->directory, name);
	if (migration->cli->options.apply && state != MIGRATE_EQUAL)
		TRY(migrate_place_write(migration->cli, place, name, content,
			state == MIGRATE_OTHER && place == &migration->bridge));
	row_add(migration, item, actions[state], target);
	return CKR_OK;
}

static CK_RV step_uuid(struct migration *migration)
{
	const struct state *state = &migration->source.state;
	char text[STATE_PRINT_MAX];
	char item[64];

	if (!migration->source.has_uuid)
		return CKR_OK;
	state_print(text, state);
	(void)snprintf(item, sizeof(item), "uuid %s", state->uuid);
	return put_file(migration, item, &migration->bridge, "state.json", bytes_of_text(text));
}

/* A serial number becomes a file name and a title in the configuration. */
static bool is_serial(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= SERIAL_MAX && text[0] != '.' &&
	       strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") ==
		       len;
}

static CK_RV put_pin(struct migration *migration, const char *serial, const char *kind,
	const char *pin, const char *extension)
{
	char item[64];
	char name[NAME_MAX_LEN];

	if (!pin)
		return CKR_OK;
	(void)snprintf(item, sizeof(item), "%s PIN of token %s", kind, serial);
	(void)snprintf(name, sizeof(name), KEPT "%s.%s", serial, extension);
	return put_file(migration, item, &migration->agent, name, bytes_of_text(pin));
}

/* The SO PIN is kept, but the agent gets it only from somebody who wants that. */
static CK_RV step_token(struct migration *migration, const char *serial, const json_t *token)
{
	const char *pin = migrate_pins_text(token, "USERPIN");
	const char *so_pin = migrate_pins_text(token, "SOPIN");
	const char *directory = migration->agent.directory;

	if (!is_serial(serial)) {
		row_add(migration, "PINs of a token", "skip",
			"its serial number has characters that no token of ours has");
		return CKR_OK;
	}
	TRY(put_pin(migration, serial, "user", pin, "pin"));
	TRY(put_pin(migration, serial, "SO", so_pin, "so-pin"));
	if (!pin && !so_pin)
		return CKR_OK;
	(void)fprintf(migration->snippet, "token \"%s\" {\n", serial);
	if (pin)
		(void)fprintf(migration->snippet, "\tpin_file = \"%s/" KEPT "%s.pin\"\n", directory,
			serial);
	if (so_pin)
		(void)fprintf(migration->snippet,
			"\t# Only where provisioning shall need no question:\n"
			"\t# so_pin_file = \"%s/" KEPT "%s.so-pin\"\n",
			directory, serial);
	(void)fputs("}\n", migration->snippet);
	return CKR_OK;
}

static CK_RV step_pins(struct migration *migration)
{
	const char *serial;
	json_t *token;

	json_object_foreach(migration->source.pins, serial, token)
		TRY(step_token(migration, serial, token));
	return CKR_OK;
}

static CK_RV put_rings(struct migration *migration)
{
	const struct migrate_rings *rings = &migration->source.rings;
	CLEANUP(free) char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);

	if (!file)
		return cli_error(migration->cli, CKR_HOST_MEMORY, "writing the key rings");
	(void)fputs("---\ntokens:\n", file);
	for (size_t i = 0; i < rings->count; i++)
		(void)fprintf(file, "  - key_ring: \"%s\"\n", rings->names[i]);
	if (fclose(file) != 0)
		return cli_error(migration->cli, CKR_HOST_MEMORY, "writing the key rings");
	return put_file(migration, "key rings of Google Cloud", &migration->agent,
		KEPT "pkcs11-kms.yml", bytes_of(text, len));
}

static CK_RV step_kms(struct migration *migration)
{
	const struct migrate_source *source = &migration->source;
	const char *directory = migration->agent.directory;

	if (source->rings.count == 0)
		return CKR_OK;
	TRY(put_rings(migration));
	if (source->credentials)
		TRY(put_file(migration, "credentials of Google Cloud", &migration->agent,
			KEPT "gcloud.json",
			bytes_of(source->credentials, source->credentials_len)));
	(void)fprintf(migration->snippet,
		"backend \"kms\" {\n\ttype = pkcs11\n\tmodule = \"/usr/lib/kms/libkmsp11.so\"\n"
		"\tenv = {\"KMS_PKCS11_CONFIG=%s/" KEPT "pkcs11-kms.yml\"",
		directory);
	if (source->credentials)
		(void)fprintf(migration->snippet,
			", \"GOOGLE_APPLICATION_CREDENTIALS=%s/" KEPT "gcloud.json\"", directory);
	(void)fputs("}\n}\n", migration->snippet);
	return CKR_OK;
}

/* agent.conf is the administrator's: what belongs into it stands beside it. */
static CK_RV step_snippet(struct migration *migration)
{
	struct migrate_place place;
	char detail[TARGET_MAX + 64];
	const char *directory = migration->cli->options.config_dir;

	if (fflush(migration->snippet) != 0)
		return cli_error(migration->cli, CKR_HOST_MEMORY, "writing the configuration");
	if (migration->snippet_len == 0)
		return CKR_OK;
	TRY(migrate_place_find(
		migration->cli, directory ? directory : CONFIG_DIRECTORY, "iothsm-agent", &place));
	TRY(put_file(migration, "configuration", &place, "migrated.conf",
		bytes_of(migration->snippet_text, migration->snippet_len)));
	(void)snprintf(detail, sizeof(detail),
		"append %s/migrated.conf to agent.conf, then systemctl reload iothsm-agent",
		place.directory);
	row_add(migration, "configuration", "to do", detail);
	return CKR_OK;
}

static CK_RV store_certificate(struct migration *migration, const struct migrate_certificate *entry)
{
	CLEANUP(free) char *pem = certificate_pem(entry->cert);
	char thumbprint[41];
	char name[NAME_MAX_LEN];
	char item[NAME_MAX_LEN];

	if (!pem || !certificate_thumbprint(entry->cert, thumbprint))
		return cli_error(migration->cli, CKR_HOST_MEMORY, "storing a certificate");
	(void)snprintf(name, sizeof(name), KEPT "%s.pem", thumbprint);
	(void)snprintf(item, sizeof(item), "certificate %s", entry->label);
	TRY(put_file(migration, item, &migration->agent, name, bytes_of_text(pem)));
	return CKR_OK;
}

/* Without another PIN, by the one that came with the appliance. */
static CK_RV import_with_pin(
	struct migration *migration, const X509 *cert, const struct migrate_key *key)
{
	struct cli_secret_source *pin = &migration->cli->options.pin;
	const struct cli_secret_source given = *pin;
	char path[TARGET_MAX];
	CK_RV rv;

	(void)snprintf(path, sizeof(path), "%s/" KEPT "%s.pin", migration->agent.directory,
		key->token.serial);
	if (!cli_pin_is_given(pin) && access(path, R_OK) == 0)
		pin->file = path;
	rv = migrate_token_import(migration->cli, cert, key);
	*pin = given;
	return rv;
}

static CK_RV import_certificate(struct migration *migration,
	const struct migrate_certificate *entry, const struct migrate_key *key)
{
	char item[NAME_MAX_LEN];
	char id[2 * CLI_OBJECT_ID_MAX + 1];
	char detail[sizeof(id) + 64];

	text_hex(id, bytes_of(key->id, key->id_len));
	(void)snprintf(item, sizeof(item), "certificate %s", entry->label);
	(void)snprintf(detail, sizeof(detail), "token %s id %s", key->token.serial, id);
	if (migration->cli->options.apply && !key->has_certificate)
		TRY(import_with_pin(migration, entry->cert, key));
	row_add(migration, item, key->has_certificate ? "keep" : "import", detail);
	return CKR_OK;
}

/* Each is stored in any case, since the appliance's state has the only copy. */
static CK_RV step_certificate(struct migration *migration, const struct migrate_certificate *entry)
{
	struct migrate_key key;
	char item[NAME_MAX_LEN];
	bool found;

	(void)snprintf(item, sizeof(item), "certificate %s", entry->label);
	if (certificate_is_temporary(entry->cert)) {
		row_add(migration, item, "skip", "it is the temporary one of a prepared key");
		return CKR_OK;
	}
	TRY(store_certificate(migration, entry));
	TRY(migrate_token_find(migration->cli, entry->cert, &key, &found));
	if (found)
		return import_certificate(migration, entry, &key);
	row_add(migration, item, "to do",
		"no token has its key now; run this again when its token is there");
	return CKR_OK;
}

static CK_RV step_certificates(struct migration *migration)
{
	for (size_t i = 0; i < migration->source.certificate_count; i++)
		TRY(step_certificate(migration, &migration->source.certificates[i]));
	return CKR_OK;
}

static CK_RV step_rest(struct migration *migration)
{
	const struct migrate_source *source = &migration->source;
	char detail[MIGRATE_PLATFORM_MAX + 64];

	if (source->platform[0] != '\0') {
		(void)snprintf(detail, sizeof(detail),
			"bridge.conf has to say platform = \"https://%s\"", source->platform);
		row_add(migration, "platform", "to do", detail);
	}
	if (source->has_default_pins)
		row_add(migration, "USERPIN, SOPIN", "to do",
			"they counted for every token; keep the PIN of each by iothsm pin keep");
	if (source->has_uuid)
		row_add(migration, "bridge", "to do",
			"stop the appliance, then systemctl restart iothsm-bridge");
	return CKR_OK;
}

static CK_RV prepare(struct migration *migration)
{
	struct cli *cli = migration->cli;
	const char *state = cli->options.state_dir ? cli->options.state_dir : STATE_DIRECTORY;

	/* It goes into the configuration between quotation marks. */
	if (strlen(state) > PATH_MAX / 2 || strpbrk(state, "\"\\$\n"))
		return cli_refuse(cli, CLI_USAGE, "client: --state-dir is no usable path");
	(void)snprintf(migration->agent_directory, PATH_MAX, "%s/agent", state);
	(void)snprintf(migration->bridge_directory, PATH_MAX, "%s/bridge", state);
	TRY(migrate_place_find(cli, migration->agent_directory, "iothsm-agent", &migration->agent));
	TRY(migrate_place_find(
		cli, migration->bridge_directory, "iothsm-bridge", &migration->bridge));
	migration->snippet = open_memstream(&migration->snippet_text, &migration->snippet_len);
	return migration->snippet ? CKR_OK : cli_error(cli, CKR_HOST_MEMORY, "starting");
}

static CK_RV run(struct migration *migration)
{
	static CK_RV (*const steps[])(struct migration *) = { step_uuid, step_pins, step_kms,
		step_snippet, step_rest, step_certificates };

	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		TRY(steps[i](migration));
	return CKR_OK;
}

CK_RV cmd_migrate(struct cli *cli)
{
	CLEANUP(migration) struct migration migration = { .cli = cli, .rows = json_array() };
	CK_RV rv;

	if (cli->argument_count != 1)
		return cli_refuse(
			cli, CLI_USAGE, "client: the directory of the appliance is missing");
	TRY(migrate_source_read(cli, cli->arguments[0], &migration.source));
	TRY(prepare(&migration));
	rv = run(&migration);
	cli_output_rows(stdout, cli_output_form(stdout, cli->options.json), columns,
		ARRAY_LEN(columns), migration.rows);
	if (rv == CKR_OK && !cli->options.apply)
		cli_note(cli, "nothing was changed; --apply does it");
	return rv;
}
