/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge's life: its parts and threads, started and stopped in order. */
#include "bridge.h"

#include <errno.h>
#include <stdlib.h>

#include "bridge_core.h"
#include "log.h"
#include "thread.h"
#include "wallclock.h"

static CK_RV open_parts(struct bridge *bridge)
{
	const struct config *config = bridge->config;
	size_t workers = (size_t)config->workers;

	TRY(state_load(config->state_dir, &bridge->state));
	TRY(platform_open(config, &bridge->platform));
	TRY(hsm_open(config, &bridge->hsm));
	if (!key_library()) {
		log_error("bridge: the OpenSSL provider cannot be loaded");
		return CKR_FUNCTION_FAILED;
	}
	/* A hanging token must not keep all workers. */
	bridge->queue = queue_new(BRIDGE_CAS_MAX, BRIDGE_TASKS_MAX, workers > 1 ? workers - 1 : 1);
	bridge->replay = replay_new(config->state_dir);
	if (!bridge->replay)
		log_error(
			"bridge: cannot keep answers state_dir=%s error=\"%m\"", config->state_dir);
	bridge->journal = journal_open(config->state_dir, wallclock_now_s());
	return bridge->queue && bridge->replay && bridge->journal ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV start_threads(struct bridge *bridge)
{
	bridge->scanning = thread_start(&bridge->scanner, scanner_run, bridge);
	while (bridge->registrar_count < BRIDGE_REGISTRARS &&
		thread_start(&bridge->registrars[bridge->registrar_count], registrar_run, bridge))
		bridge->registrar_count++;
	while (bridge->worker_count < (size_t)bridge->config->workers &&
		thread_start(&bridge->workers[bridge->worker_count], worker_run, bridge))
		bridge->worker_count++;
	if (bridge->scanning && bridge->registrar_count == BRIDGE_REGISTRARS &&
		bridge->worker_count == (size_t)bridge->config->workers)
		return CKR_OK;
	log_error("bridge: cannot start threads error=\"%m\"");
	return CKR_HOST_MEMORY;
}

CK_RV bridge_start(const struct config *config, struct bridge **out)
{
	struct bridge *bridge = calloc(1, sizeof(*bridge));

	if (!bridge)
		return CKR_HOST_MEMORY;
	bridge->config = config;
	(void)pthread_mutex_init(&bridge->lock, NULL);
	thread_cond_init(&bridge->wake);
	refusal_init(&bridge->refusals);
	workload_init(&bridge->workload);
	bridge->started_s = wallclock_now_s();
	CK_RV rv = open_parts(bridge);

	if (rv == CKR_OK)
		rv = start_threads(bridge);
	if (rv != CKR_OK) {
		bridge_stop(bridge);
		return rv;
	}
	log_info("bridge: started uuid=%s platform=%s module=%s", bridge->state.uuid,
		config->platform, config->module);
	*out = bridge;
	return CKR_OK;
}

void bridge_reload(struct bridge *bridge)
{
	int64_t now_ms = wallclock_uptime_ms();

	log_info("bridge: reload");
	(void)pthread_mutex_lock(&bridge->lock);
	for (size_t i = 0; i < bridge->ca_count; i++) {
		backoff_reset(&bridge->cas[i]->refused);
		backoff_reset(&bridge->cas[i]->failed);
		bridge->cas[i]->due_ms = now_ms;
	}
	(void)pthread_mutex_unlock(&bridge->lock);
	scanner_want(bridge, true);
}

static void stop_registration(struct bridge *bridge)
{
	(void)pthread_mutex_lock(&bridge->lock);
	atomic_store(&bridge->stopping, true);
	(void)pthread_cond_broadcast(&bridge->wake);
	(void)pthread_mutex_unlock(&bridge->lock);
	if (bridge->scanning)
		(void)pthread_join(bridge->scanner, NULL);
	for (size_t i = 0; i < bridge->registrar_count; i++)
		(void)pthread_join(bridge->registrars[i], NULL);
}

static void abandon(struct bridge *bridge)
{
	struct queue_item *item;

	log_warn("bridge: not everything could be answered in time");
	atomic_store(&bridge->abandoned, true);
	(void)pthread_mutex_lock(&bridge->lock);
	(void)pthread_cond_broadcast(&bridge->wake);
	(void)pthread_mutex_unlock(&bridge->lock);
	for (size_t i = 0; i < bridge->feed_count; i++)
		feed_abandon(bridge->feeds[i]);
	while ((item = queue_abandon(bridge->queue)))
		task_free((struct task *)item);
}

static void stop_workers(struct bridge *bridge)
{
	if (bridge->queue && bridge->worker_count > 0 &&
		!queue_drain(bridge->queue, BRIDGE_DRAIN_MS))
		abandon(bridge);
	for (size_t i = 0; i < bridge->worker_count; i++)
		(void)pthread_join(bridge->workers[i], NULL);
}

static void free_parts(struct bridge *bridge)
{
	for (size_t i = 0; i < bridge->feed_count; i++)
		feed_free(bridge->feeds[i]);
	for (size_t i = 0; i < bridge->ca_count; i++)
		ca_free(bridge->cas[i]);
	queue_free(bridge->queue);
	replay_free(bridge->replay);
	journal_close(bridge->journal);
	hsm_close(bridge->hsm);
	platform_close(bridge->platform);
	(void)pthread_cond_destroy(&bridge->wake);
	(void)pthread_mutex_destroy(&bridge->lock);
	free(bridge);
}

void bridge_stop(struct bridge *bridge)
{
	stop_registration(bridge);
	for (size_t i = 0; i < bridge->feed_count; i++)
		feed_stop(bridge->feeds[i]);
	stop_workers(bridge);
	free_parts(bridge);
	log_info("bridge: stopped");
}
