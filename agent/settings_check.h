/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of agent.conf while it is parsed, so that every complaint has its line. */
#ifndef IOTHSM_SETTINGS_CHECK_H
#define IOTHSM_SETTINGS_CHECK_H

#include <iothsm/iothsm.h>
#include <stdbool.h>
#include <stdint.h>

#include <confuse.h>

#include "link.h"

void settings_check_install(cfg_t *cfg);

/* What can be judged only when all of the file was read; logs what is wrong. */
bool settings_check_whole(cfg_t *cfg);

/* The serial number that a token section means. */
const char *settings_check_serial(cfg_t *section);

/* policy, all or none. */
bool settings_find_record(const char *name, enum record_mode *mode);

/* By name or number. */
bool settings_find_user(const char *name, uint32_t *id);
bool settings_find_group(const char *name, uint32_t *id);

#endif
