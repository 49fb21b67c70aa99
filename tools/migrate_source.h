/* SPDX-License-Identifier: Apache-2.0 */
/* What an IoT-HSM appliance left in its directories; only ever read. */
#ifndef IOTHSM_MIGRATE_SOURCE_H
#define IOTHSM_MIGRATE_SOURCE_H

#include <jansson.h>
#include <limits.h>
#include <openssl/x509.h>

#include "cli.h"
#include "migrate_kms.h"
#include "state.h"

enum { MIGRATE_CERTIFICATES_MAX = 256, MIGRATE_PLATFORM_MAX = 255 };

/* A certificate that only the appliance's state holds. */
struct migrate_certificate {
	char *label;
	X509 *cert;
};

struct migrate_source {
	bool has_uuid;
	struct state state;
	struct migrate_certificate certificates[MIGRATE_CERTIFICATES_MAX];
	size_t certificate_count;
	json_t *pins; /* NULL: there is no PIN file */
	struct migrate_rings rings;
	char *credentials; /* of Google Cloud, as they are */
	size_t credentials_len;
	char platform[MIGRATE_PLATFORM_MAX + 1]; /* host name, empty unless .env names one */
	bool has_default_pins;                   /* .env names PINs for all tokens */
};

/* Reads everything before anything is done; says what is wrong. Freed by migrate_source_reset() in
 * any case. */
CK_RV migrate_source_read(struct cli *cli, const char *directory, struct migrate_source *source);
void migrate_source_reset(struct migrate_source *source);

/* For CLEANUP(source). */
static inline void cleanup_source(struct migrate_source *source)
{
	migrate_source_reset(source);
}

#endif
