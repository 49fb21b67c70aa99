/* SPDX-License-Identifier: Apache-2.0 */
/* How the command line says that something failed: what, where, the PKCS#11 name, and what to do
 * next. */
#ifndef IOTHSM_CLI_ERROR_H
#define IOTHSM_CLI_ERROR_H

#include "cli.h"

/* "CKR_PIN_INCORRECT", "CKR_IOTHSM_KEY_MISMATCH"; NULL for a value that is not known. */
const char *cli_error_name(CK_RV rv);
/* What to do about it, one sentence; never NULL. */
const char *cli_error_hint(CK_RV rv);
enum cli_exit cli_error_exit(CK_RV rv);

/*
 * Says on stderr that a step failed ("iothsm: key prepare: token 1a2b: generating: CKR_…: hint"),
 * sets the exit status and returns rv. Called once, where the failure is seen.
 */
CK_RV cli_error(struct cli *cli, CK_RV rv, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for what no CK_RV names: the text says what, where and what next. Returns
 * CKR_FUNCTION_FAILED. */
CK_RV cli_refuse(struct cli *cli, enum cli_exit status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A remark that is no failure, on stderr. */
void cli_note(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
