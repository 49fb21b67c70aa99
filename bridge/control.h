/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: one JSON object a line, answered by one JSON object a line. */
#ifndef IOTHSM_CONTROL_H
#define IOTHSM_CONTROL_H

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>

enum { CONTROL_CLIENTS_MAX = 16, CONTROL_LINE_MAX = 4096, CONTROL_IDLE_MS = 60 * 1000 };

struct control;

/* Does what a line asks for and returns the owned answer {success, message, data}; never NULL but
 * without memory. */
typedef json_t *control_answer(void *context, const json_t *request);

/* Makes the socket (0660), replacing one that nobody listens at. NULL with the reason logged. */
struct control *control_open(const char *path, control_answer *answer, void *context);
void control_close(struct control *control);

/* Fills in what to wait for, returns how many; then handles what poll() found and drops silent
 * clients. */
size_t control_prepare(struct control *control, struct pollfd fds[CONTROL_CLIENTS_MAX + 1]);
void control_handle(
	struct control *control, const struct pollfd fds[CONTROL_CLIENTS_MAX + 1], size_t count);

/* {success, message, data}; data is taken over and may be NULL. */
json_t *control_reply(bool success, const char *message, json_t *data);

#endif
