/* SPDX-License-Identifier: Apache-2.0 */
/* The "drive" half of the program. */
#ifndef IOTHSM_STANDIN_COMMAND_H
#define IOTHSM_STANDIN_COMMAND_H

#include "standin.h"

enum { COMMAND_OK = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

/* argv[0] is "drive". */
int command_drive(int argc, char **argv);

/* The first certificate of a file; NULL on failure, which is logged. */
X509 *command_read_cert(const char *path);

#endif
