/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: read with a bound, replaced atomically. */
#ifndef IOTHSM_FILE_H
#define IOTHSM_FILE_H

#include <sys/types.h>

#include "bytes.h"

/* The content with a NUL behind it, freed by the caller; NULL with errno set, EFBIG beyond max. */
char *file_read(const char *path, size_t max, size_t *len);

/* Writes a temporary file beside it, fsyncs, renames, fsyncs the directory; false with errno set.
 */
bool file_replace(const char *path, struct bytes content, mode_t mode);

/* Creates a directory and its missing parents (mode only for the last); true when it exists. */
bool file_make_directory(const char *path, mode_t mode);

#endif
