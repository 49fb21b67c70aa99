/* SPDX-License-Identifier: Apache-2.0 */
/* iothsm ca: self-sign, csr, import-cert, show, list. */
#include <errno.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "cli.h"
#include "cli_certificate.h"
#include "cli_error.h"
#include "cli_inventory.h"
#include "cli_output.h"
#include "cli_provision.h"
#include "cli_token.h"
#include "file.h"

static const struct cli_column list_columns[] = {
	{ "token", "TOKEN" },
	{ "id", "ID" },
	{ "label", "LABEL" },
	{ "type", "KEY" },
	{ "state", "STATE" },
	{ "not_after", "NOT AFTER" },
	{ "subject", "SUBJECT" },
};

static const struct cli_column show_columns[] = {
	{ "token", "Token" },
	{ "id", "Id" },
	{ "label", "Label" },
	{ "type", "Key" },
	{ "private", "Private key" },
	{ "state", "State" },
	{ "subject", "Subject" },
	{ "issuer", "Issuer" },
	{ "self_signed", "Self-signed" },
	{ "certificate_serial", "Serial number" },
	{ "not_before", "Not before" },
	{ "not_after", "Not after" },
	{ "sha256", "SHA-256" },
	{ "sha1", "SHA-1" },
	{ "request", "Request stored" },
	{ "uri", "URI" },
};

/* A job of a provisioning mechanism on one key. */
struct ca_job {
	struct cli *cli;
	struct cli_token token;
	struct cli_session session;
	CK_OBJECT_HANDLE key;
	CK_BYTE *input; /* freed by cleanup_job() */
	size_t input_len;
	CK_BYTE *der;
	CK_ULONG der_len;
};

static void cleanup_job(struct ca_job *job)
{
	free(job->input);
	free(job->der);
}

static CK_RV input_read(struct ca_job *job, const char *what)
{
	struct cli *cli = job->cli;
	const char *path;

	if (cli->argument_count != 1)
		return cli_refuse(cli, CLI_USAGE, "client: the file with the %s is missing", what);
	path = cli->arguments[0];
	job->input = (CK_BYTE *)file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path,
		CERTIFICATE_INPUT_MAX, &job->input_len);
	if (!job->input)
		return cli_refuse(
			cli, CLI_INPUT, "client: cannot read %s: %s", path, strerror(errno));
	return CKR_OK;
}

/* Says what the template will make, before anything is asked or signed. */
static CK_RV template_review(struct ca_job *job)
{
	CLEANUP(x509)
	X509 *template = certificate_parse(NULL, bytes_of(job->input, job->input_len));

	if (!template)
		return cli_refuse(job->cli, CLI_INPUT,
			"client: %s is no certificate (PEM or DER); get the HSM Provisioning "
			"Certificate from the "
			"platform again",
			job->cli->arguments[0]);
	(void)cli_certificate_review(job->cli, template);
	return CKR_OK;
}

static CK_RV key_open(struct ca_job *job)
{
	struct cli *cli = job->cli;

	job->session.cli = cli;
	TRY(cli_token_choose(cli, &job->token));
	TRY(cli_token_open(cli, &job->token, CKF_RW_SESSION, &job->session.handle));
	TRY(cli_token_login(cli, &job->token, job->session.handle, CKU_USER));
	return cli_object_private_key(&job->session, &job->key);
}

static CK_RV job_run(struct ca_job *job, CK_MECHANISM_TYPE type, const char *step)
{
	CK_RV rv;

	TRY(key_open(job));
	rv = cli_provision_sign(&job->session, job->key, type, bytes_of(job->input, job->input_len),
		&job->der, &job->der_len);
	return rv == CKR_OK ? rv
			    : cli_error(job->cli, rv, "%s with key %s", step, job->cli->options.id);
}

static void result_print(const struct ca_job *job, struct bytes data)
{
	const struct cli_options *options = &job->cli->options;
	CLEANUP(json) json_t *record = NULL;

	if (!options->json) {
		(void)fwrite(data.data, 1, data.len, stdout);
		return;
	}
	record = json_pack("{s:s, s:o}", "id", options->id, options->der ? "der" : "pem",
		options->der ? cli_output_hex(data) : cli_output_text(data));
	cli_output_record(stdout, CLI_OUTPUT_JSON, NULL, 0, record);
}

/* PEM (or DER with --der) to a file, replaced at once or not at all; "-" is stdout. */
static CK_RV result_write(struct ca_job *job, const char *pem_name, const char *path)
{
	CLEANUP(bio) BIO *out = BIO_new(BIO_s_mem());
	char *data = NULL;
	long len;

	if (!out || !(job->cli->options.der ? BIO_write(out, job->der, (int)job->der_len) > 0
					    : PEM_write_bio(out, pem_name, "", job->der,
						      (long)job->der_len) > 0))
		return cli_error(job->cli, CKR_HOST_MEMORY, "encoding the result");
	len = BIO_get_mem_data(out, &data);
	if (strcmp(path, "-") == 0) {
		result_print(job, bytes_of(data, (size_t)len));
		return CKR_OK;
	}
	if (!file_replace(path, bytes_of(data, (size_t)len), 0644))
		return cli_refuse(job->cli, CLI_FAILURE,
			"client: cannot write %s: %s; the result is on the token and can be "
			"fetched again",
			path, strerror(errno));
	return CKR_OK;
}

static CK_RV print_ca(struct cli_session *session, const struct cli_token *token, bool logged_in)
{
	struct cli *cli = session->cli;
	CLEANUP(json) json_t *rows = json_array();
	uint8_t id[CLI_OBJECT_ID_MAX];
	json_t *row;
	size_t len;

	TRY(cli_object_id(cli, id, &len));
	TRY(cli_inventory_read(session, token, logged_in, rows));
	row = cli_inventory_find(rows, bytes_of(id, len));
	if (!row)
		return cli_refuse(cli, CLI_NOT_FOUND,
			"token %s: there is no key with id %s; see iothsm key list", token->serial,
			cli->options.id);
	cli_output_record(stdout, cli_output_form(stdout, cli->options.json), show_columns,
		ARRAY_LEN(show_columns), row);
	return CKR_OK;
}

/* What a person wants to see, unless stdout carries the result itself. */
static CK_RV job_print(struct ca_job *job)
{
	if (job->cli->options.output && strcmp(job->cli->options.output, "-") == 0)
		return CKR_OK;
	return print_ca(&job->session, &job->token, true);
}

CK_RV cmd_ca_self_sign(struct cli *cli)
{
	CLEANUP(job) struct ca_job job = { .cli = cli };

	TRY(input_read(&job, "provisioning certificate"));
	TRY(template_review(&job));
	TRY(job_run(&job, CKM_IOTHSM_SELF_SIGN, "making the root"));
	if (cli->options.output)
		TRY(result_write(&job, PEM_STRING_X509, cli->options.output));
	return job_print(&job);
}

CK_RV cmd_ca_csr(struct cli *cli)
{
	CLEANUP(job) struct ca_job job = { .cli = cli };

	if (!cli->options.output)
		cli->options.output = "-";
	TRY(input_read(&job, "provisioning certificate"));
	TRY(template_review(&job));
	TRY(job_run(&job, CKM_IOTHSM_CSR, "making the request"));
	TRY(result_write(&job, PEM_STRING_X509_REQ, cli->options.output));
	return job_print(&job);
}

CK_RV cmd_ca_import_cert(struct cli *cli)
{
	CLEANUP(job) struct ca_job job = { .cli = cli };

	TRY(input_read(&job, "signed certificate"));
	TRY(job_run(&job, CKM_IOTHSM_IMPORT_CERTIFICATE, "importing the certificate"));
	return job_print(&job);
}

CK_RV cmd_ca_show(struct cli *cli)
{
	struct cli_session session = { .cli = cli };
	struct cli_token token;
	uint8_t id[CLI_OBJECT_ID_MAX];
	size_t len;
	bool logged_in;

	TRY(cli_object_id(cli, id, &len));
	TRY(cli_token_choose(cli, &token));
	TRY(cli_token_open(cli, &token, 0, &session.handle));
	TRY(cli_token_login_if_asked(cli, &token, session.handle, &logged_in));
	return print_ca(&session, &token, logged_in);
}

CK_RV cmd_ca_list(struct cli *cli)
{
	CLEANUP(json) json_t *rows = json_array();

	TRY(cli_inventory_read_all(cli, rows));
	cli_output_rows(stdout, cli_output_form(stdout, cli->options.json), list_columns,
		ARRAY_LEN(list_columns), rows);
	return CKR_OK;
}
