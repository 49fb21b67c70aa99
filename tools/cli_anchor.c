/* SPDX-License-Identifier: Apache-2.0 */
/* The fingerprints of the certificates under which the platforms sign their messages. */
#include "cli_anchor.h"

#include <stdio.h>

#include <openssl/evp.h>

#include "bytes.h"

static const struct cli_anchor known[] = {
	{ "pkiaas.io", "32:23:03:E9:3D:C2:2E:EC:73:87:B0:11:29:FB:65:4F:"
		       "E3:ED:C5:1B:FA:C2:6D:93:0A:3C:16:D9:CF:E9:08:2A" },
	{ "cyopki.com", "B6:BB:0B:9A:53:A7:EC:A3:68:B5:D4:9E:BA:80:BE:CF:"
			"28:CD:D2:EF:F6:E6:53:44:89:E7:51:C2:F5:BF:2C:D2" },
};

bool cli_anchor_fingerprint(const X509 *cert, char out[CLI_ANCHOR_TEXT_MAX])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (X509_digest(cert, EVP_sha256(), digest, &len) != 1)
		return false;
	for (unsigned i = 0; i < len; i++)
		(void)snprintf(out + (size_t)3 * i, 4, "%02X%s", digest[i], i + 1 < len ? ":" : "");
	return true;
}

const struct cli_anchor *cli_anchor_find(
	const X509 *cert, const struct cli_anchor *list, size_t count)
{
	char text[CLI_ANCHOR_TEXT_MAX];

	if (!cli_anchor_fingerprint(cert, text))
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].sha256, text) == 0)
			return &list[i];
	return NULL;
}

const struct cli_anchor *cli_anchor_known(size_t *count)
{
	*count = ARRAY_LEN(known);
	return known;
}
