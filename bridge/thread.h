/* SPDX-License-Identifier: Apache-2.0 */
/* Threads with small stacks, and deadlines for waiting on conditions. */
#ifndef IOTHSM_THREAD_H
#define IOTHSM_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum { THREAD_STACK_BYTES = 512 * 1024 };

bool thread_start(pthread_t *thread, void *(*run)(void *context), void *context);

/* Waits by thread_deadline(). */
void thread_cond_init(pthread_cond_t *cond);
struct timespec thread_deadline(int64_t wait_ms);

#endif
