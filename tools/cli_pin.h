/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets of the operator: from a file, a descriptor, or the terminal without echo; never from
 * argv. */
#ifndef IOTHSM_CLI_PIN_H
#define IOTHSM_CLI_PIN_H

#include "cli.h"
#include "secret.h"

/* For CLEANUP(pin). */
static inline void cleanup_pin(struct secret *pin)
{
	secret_wipe(pin);
}

bool cli_pin_is_given(const struct cli_secret_source *source);

/* From the source, else asked on /dev/tty with this prompt; says what failed. */
CK_RV cli_pin_read(struct cli *cli, const struct cli_secret_source *source, const char *prompt,
	struct secret *pin);

/* The same for a PIN that is to be set: on the terminal it is asked twice. */
CK_RV cli_pin_read_new(struct cli *cli, const struct cli_secret_source *source, const char *prompt,
	struct secret *pin);

/* Asks on the terminal; CKR_OK only for the exact answer "yes" or when --yes was given. */
CK_RV cli_pin_confirm(struct cli *cli, const char *question);

#endif
