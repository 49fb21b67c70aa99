/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge's state in the text format of Prometheus, version 0.0.4. */
#ifndef IOTHSM_METRICS_H
#define IOTHSM_METRICS_H

#include <stdio.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct bridge;

/* Freed by the caller; NULL when out of memory. */
char *metrics_text(struct bridge *bridge);

/* A label's value with its quotes; what would end it or the line is escaped. */
void metrics_quote(FILE *out, const char *value);

#endif
