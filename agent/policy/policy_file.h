/* SPDX-License-Identifier: Apache-2.0 */
/* policy.conf: read, checked where each value stands, and written for a new CA. */
#ifndef IOTHSM_POLICY_FILE_H
#define IOTHSM_POLICY_FILE_H

#include "policy.h"

#define POLICY_FILE "/etc/iothsm/policy.conf"

enum { POLICY_FILE_MAX = 1024 * 1024, POLICY_TEXT_MAX = 2048 };

/*
 * Reads the file, and the blocks of the directory for keys that the file does not name; either may
 * be NULL or absent. Refused with the reason in the log: what others than root and the reader
 * could write, and what cannot be read or understood. *policy is freed with policy_free().
 */
CK_RV policy_load(const char *file, const char *directory, struct policy **policy);

/* The block that allows what a CA's certificate allows, and observes; false: it is no CA. */
bool policy_write_default(const X509 *cert, char text[POLICY_TEXT_MAX]);

#endif
