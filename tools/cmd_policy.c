/* SPDX-License-Identifier: Apache-2.0 */
/* iothsm policy: test. */
#include <errno.h>
#include <openssl/err.h>

#include "certificate.h"
#include "cleanup.h"
#include "cli.h"
#include "cli_error.h"
#include "cli_output.h"
#include "cli_signable.h"
#include "file.h"
#include "policy_file.h"
#include "text.h"

static const struct cli_column columns[] = {
	{ "key", "Key" },
	{ "what", "File holds" },
	{ "class", "Class" },
	{ "verdict", "Verdict" },
	{ "reason", "Reason" },
};

static inline void cleanup_policy(struct policy **policy)
{
	policy_free(*policy);
}

static inline void cleanup_signable(struct cli_signable *signable)
{
	cli_signable_reset(signable);
}

static CK_RV read_input(struct cli *cli, const char *path, uint8_t **data, size_t *len)
{
	*data = (uint8_t *)file_read(
		strcmp(path, "-") == 0 ? "/dev/stdin" : path, SIGNED_INPUT_MAX, len);
	return *data ? CKR_OK
		     : cli_refuse(
			       cli, CLI_INPUT, "client: cannot read %s: %s", path, strerror(errno));
}

static CK_RV read_ca(struct cli *cli, X509 **ca)
{
	CLEANUP(free) uint8_t *data = NULL;
	size_t len = 0;

	if (!cli->options.ca)
		return CKR_OK;
	TRY(read_input(cli, cli->options.ca, &data, &len));
	*ca = certificate_parse(NULL, bytes_of(data, len));
	return *ca && X509_get0_pubkey(*ca)
		       ? CKR_OK
		       : cli_refuse(cli, CLI_INPUT, "client: %s is no certificate (PEM or DER)",
				 cli->options.ca);
}

static CK_RV load(struct cli *cli, struct policy **policy)
{
	const char *path = cli->options.policy ? cli->options.policy : POLICY_FILE;

	if (policy_load(path, NULL, policy) == CKR_OK)
		return CKR_OK;
	return cli_refuse(cli, CLI_INPUT, "client: the policy cannot be used: %s", path);
}

/* The key of the CA, or the only one that the policy knows. */
static CK_RV choose_key(
	struct cli *cli, const struct policy *policy, const X509 *ca, uint8_t spki[SIGNED_SPKI_LEN])
{
	if (ca)
		return signed_hash_key(X509_get0_pubkey(ca), spki) ? CKR_OK : CKR_HOST_MEMORY;
	if (policy->count != 1)
		return cli_refuse(cli, CLI_USAGE,
			"client: the policy knows %zu keys; name the one that signs by --ca "
			"CERTIFICATE",
			policy->count);
	memcpy(spki, policy->keys[0].spki, SIGNED_SPKI_LEN);
	return CKR_OK;
}

static const char *verdict_name(const struct policy_key *key, const struct policy_verdict *verdict)
{
	if (!key)
		return "no policy";
	if (!verdict->refused)
		return "allowed";
	return key->observe ? "observed" : "refused";
}

static CK_RV print_verdict(struct cli *cli, const uint8_t spki[SIGNED_SPKI_LEN],
	const struct cli_signable *signable, const struct policy_key *key,
	const struct policy_verdict *verdict)
{
	const char *name = verdict_name(key, verdict);
	CLEANUP(json)
	json_t *record = json_pack("{s:o, s:s, s:s, s:s}", "key",
		cli_output_hex(bytes_of(spki, SIGNED_SPKI_LEN)), "what", signable->what, "class",
		signed_name(verdict->class), "verdict", name);

	if (record && verdict->refused)
		(void)json_object_set_new(
			record, "reason", cli_output_text(bytes_of_text(verdict->reason)));
	if (!record)
		return CKR_HOST_MEMORY;
	cli_output_record(stdout, cli_output_form(stdout, cli->options.json), columns,
		ARRAY_LEN(columns), record);
	return CKR_OK;
}

/* Without a block the class alone is of interest. */
static void judge(const struct policy_key *key, const uint8_t spki[SIGNED_SPKI_LEN],
	const struct cli_signable *signable, struct policy_verdict *verdict)
{
	const CK_MECHANISM mechanism = { signable->mechanism, NULL, 0 };
	const struct bytes tbs = bytes_of(signable->tbs, signable->len);
	struct policy_key any = { .classes = ~0U, .days = -1, .path_length = -1 };

	memcpy(any.spki, spki, SIGNED_SPKI_LEN);
	policy_judge(key ? key : &any, &mechanism, tbs, verdict);
}

CK_RV cmd_policy_test(struct cli *cli)
{
	CLEANUP(policy) struct policy *policy = NULL;
	CLEANUP(x509) X509 *ca = NULL;
	CLEANUP(free) uint8_t *data = NULL;
	CLEANUP(signable) struct cli_signable signable = { 0 };
	uint8_t spki[SIGNED_SPKI_LEN];
	struct policy_verdict verdict;
	size_t len = 0;

	if (cli->argument_count != 1)
		return cli_refuse(cli, CLI_USAGE,
			"client: the file with the certificate, request or list is missing");
	TRY(load(cli, &policy));
	TRY(read_ca(cli, &ca));
	TRY(choose_key(cli, policy, ca, spki));
	TRY(read_input(cli, cli->arguments[0], &data, &len));
	if (!cli_signable_read(bytes_of(data, len), ca, spki, &signable))
		return cli_refuse(cli, CLI_INPUT,
			"client: %s is nothing that could be made ready for signature",
			cli->arguments[0]);
	const struct policy_key *key = policy_find(policy, spki);

	judge(key, spki, &signable, &verdict);
	TRY(print_verdict(cli, spki, &signable, key, &verdict));
	if (!key || !verdict.refused || key->observe)
		return CKR_OK;
	cli->status = CLI_REFUSED;
	return CKR_IOTHSM_POLICY;
}
