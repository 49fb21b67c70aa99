/* SPDX-License-Identifier: Apache-2.0 */
/* iothsm platform trust: the certificate under which the platform signs, checked and installed. */
#include <errno.h>
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "cli_anchor.h"
#include "cli_error.h"
#include "file.h"

#define ANCHOR_INSTALLED "/etc/iothsm/platform-ca.pem"

static CK_RV anchor_read(struct cli *cli, X509 **cert)
{
	const char *path = cli->argument_count == 1 ? cli->arguments[0] : NULL;
	CLEANUP(free) char *text = NULL;
	size_t len = 0;

	if (!path)
		return cli_refuse(cli, CLI_USAGE, "client: the file with the anchor is missing");
	text = file_read(path, CERTIFICATE_INPUT_MAX, &len);
	if (!text)
		return cli_refuse(
			cli, CLI_INPUT, "client: cannot read %s: %s", path, strerror(errno));
	*cert = certificate_parse(NULL, bytes_of(text, len));
	return *cert ? CKR_OK
		     : cli_refuse(
			       cli, CLI_INPUT, "client: %s is no certificate (PEM or DER)", path);
}

static CK_RV anchor_check(struct cli *cli, const X509 *cert, const struct cli_anchor **anchor)
{
	char text[CLI_ANCHOR_TEXT_MAX] = "";
	size_t count;
	const struct cli_anchor *known = cli_anchor_known(&count);

	*anchor = cli_anchor_find(cert, known, count);
	if (*anchor)
		return CKR_OK;
	(void)cli_anchor_fingerprint(cert, text);
	return cli_refuse(cli, CLI_REFUSED,
		"client: %s is the anchor of no known platform: its SHA-256 is %s, that of %s is "
		"%s; nothing was changed. Get the file from the platform again; for a platform of "
		"your own set platform_ca in bridge.conf",
		cli->arguments[0], text, known[0].platform, known[0].sha256);
}

/* The default place belongs to the default platform. */
static CK_RV choose_output(struct cli *cli, const struct cli_anchor *anchor, const char **output)
{
	size_t count;

	*output = cli->options.output ? cli->options.output : ANCHOR_INSTALLED;
	if (cli->options.output || anchor == cli_anchor_known(&count))
		return CKR_OK;
	return cli_refuse(cli, CLI_USAGE,
		"client: this is the anchor of %s; name a file by --output, and set platform and "
		"platform_ca in bridge.conf",
		anchor->platform);
}

CK_RV cmd_platform_trust(struct cli *cli)
{
	const struct cli_anchor *anchor;
	CLEANUP(x509) X509 *cert = NULL;
	CLEANUP(free) char *pem = NULL;
	const char *output;

	TRY(anchor_read(cli, &cert));
	TRY(anchor_check(cli, cert, &anchor));
	TRY(choose_output(cli, anchor, &output));
	pem = certificate_pem(cert);
	if (!pem)
		return cli_error(cli, CKR_HOST_MEMORY, "encoding the anchor");
	if (strcmp(output, "-") == 0)
		return fputs(pem, stdout) < 0 ? CKR_FUNCTION_FAILED : CKR_OK;
	if (!file_replace(output, bytes_of_text(pem), 0644))
		return cli_refuse(
			cli, CLI_FAILURE, "client: cannot write %s: %s", output, strerror(errno));
	cli_note(cli, "%s: this is the anchor of %s; restart iothsm-bridge to use it", output,
		anchor->platform);
	return CKR_OK;
}
