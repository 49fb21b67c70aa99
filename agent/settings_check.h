/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of agent.conf while it is parsed, so that every complaint has its line. */
#ifndef IOTHSM_SETTINGS_CHECK_H
#define IOTHSM_SETTINGS_CHECK_H

#include <iothsm/iothsm.h>
#include <stdbool.h>
#include <stdint.h>

#include <confuse.h>

void settings_check_install(cfg_t *cfg);

/* What can be judged only when all of the file was read; logs what is wrong. */
bool settings_check_whole(cfg_t *cfg);

/* By name or number. */
bool settings_find_user(const char *name, uint32_t *id);
bool settings_find_group(const char *name, uint32_t *id);

/* IOTHSM_RIGHT_*, 0 for an unknown name. */
CK_FLAGS settings_find_right(const char *name);

#endif
