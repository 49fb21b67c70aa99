/* SPDX-License-Identifier: Apache-2.0 */
/* A private key from a file as the PKCS#11 objects it becomes. */
#ifndef IOTHSM_CLI_IMPORT_H
#define IOTHSM_CLI_IMPORT_H

#include <openssl/evp.h>

#include "cli_key.h"

enum { CLI_IMPORT_FILE_MAX = 64 * 1024, CLI_IMPORT_MATERIAL_MAX = 16 * 1024 };

/* Both templates point into material: wiped by cli_import_wipe(), never copied or moved. */
struct cli_import {
	struct cli_key_template public_key;
	struct cli_key_template private_key;
	CK_KEY_TYPE type;
	size_t used;
	uint8_t material[CLI_IMPORT_MATERIAL_MAX];
};

/* The key of PEM or DER text; password is asked for (CK_RV as of a PIN) only when the file is
 * encrypted. */
struct cli_import_password {
	CK_RV (*read)(void *context, char *buffer, size_t max, size_t *len);
	void *context;
	CK_RV rv; /* what read() returned */
	bool asked;
};
EVP_PKEY *cli_import_parse(struct bytes text, struct cli_import_password *password);

/* Appends key values to both templates; false for a type that no token takes: RSA 2048 to 8192, the
 * three NIST curves and Ed25519 are taken. */
bool cli_import_fill(struct cli_import *import, const EVP_PKEY *key);

void cli_import_wipe(struct cli_import *import);

static inline void cleanup_import(struct cli_import *import)
{
	cli_import_wipe(import);
}

#endif
