/* SPDX-License-Identifier: Apache-2.0 */
/* One section of policy.conf: its keys, their checks, and what they mean. */
#ifndef IOTHSM_POLICY_BLOCK_H
#define IOTHSM_POLICY_BLOCK_H

#include <confuse.h>

#include "policy.h"

enum { POLICY_BLOCK_OPTIONS = 16 };

/* Fills the options of a section. */
void policy_block_options(cfg_opt_t options[POLICY_BLOCK_OPTIONS]);

/* Checks of the values while they are parsed, so that every complaint has its line. */
void policy_block_install(cfg_t *cfg);

/* False after the reason was logged; else reset by policy_block_reset() or with its policy. */
bool policy_block_read(cfg_t *section, struct policy_key *key);
void policy_block_reset(struct policy_key *key);

#endif
