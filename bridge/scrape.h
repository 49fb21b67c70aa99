/* SPDX-License-Identifier: Apache-2.0 */
/* Answers GET /metrics over HTTP/1.0 at a Unix socket or a port of this machine, and nothing else.
 */
#ifndef IOTHSM_SCRAPE_H
#define IOTHSM_SCRAPE_H

#include <poll.h>
#include <stddef.h>

enum { SCRAPE_CLIENTS_MAX = 8, SCRAPE_REQUEST_MAX = 4096, SCRAPE_LIMIT_MS = 10 * 1000 };

struct scrape;

/* The body of an answer, freed by the asker; NULL when there is none. */
typedef char *scrape_answer(void *context);

/* Listens at a valid address of bridge.conf. NULL with the reason logged. */
struct scrape *scrape_open(
	const char *address, const char *type, scrape_answer *answer, void *context);
void scrape_close(struct scrape *scrape); /* NULL is fine */

/* As control_prepare() and control_handle(); NULL: nothing to wait for. */
size_t scrape_prepare(struct scrape *scrape, struct pollfd fds[SCRAPE_CLIENTS_MAX + 1]);
void scrape_handle(
	struct scrape *scrape, const struct pollfd fds[SCRAPE_CLIENTS_MAX + 1], size_t count);

#endif
