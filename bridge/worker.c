/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that execute tasks: offers, signing jobs, repeated answers. */
#include <stdio.h>
#include <stdlib.h>

#include "bridge_core.h"
#include "certificate.h"
#include "cleanup.h"
#include "delivery.h"
#include "log.h"
#include "wallclock.h"

#define CRL_DELIVERED "crl uploaded"

/* What one thread works with. */
struct worker {
	struct bridge *bridge;
	struct rest *rest;
};

/* What a task is answered with; text is owned. */
struct answer {
	bool success;
	char *text;
	size_t size; /* of the product */
	int64_t queue_ms;
	int64_t token_ms;
	char input[HSM_INPUT_SIZE]; /* hash of the to-be-signed bytes */
};

static void set_answer(struct answer *answer, bool success, const char *text)
{
	free(answer->text);
	answer->success = success;
	answer->text = strdup(text);
}

/* Whole elapsed seconds since publication against the time to live. */
static bool is_expired(const struct task *task)
{
	int64_t age_s = (wallclock_now() - task->published) / WALLCLOCK_SECOND;

	return !((double)age_s < task->ttl_s);
}

static void publish_offer(struct worker *worker, struct task *task, const char *smime)
{
	CLEANUP(free)
	char *payload = message_offer_payload(task->publisher, task->siguuid, smime);

	if (!payload || feed_publish(task->feed, worker->rest, task->channel, payload) != FEED_SENT)
		log_warn("worker: offer not sent ca=%zu", task->ca->index);
}

/* A CA whose token does not answer now makes no offer: another appliance may hold it too. */
static bool is_ready(struct worker *worker, struct task *task)
{
	struct hsm *hsm = worker->bridge->hsm;
	struct hsm_token_status status;

	if (hsm_token_status(hsm, hsm_key_token(task->ca->hsm_key), &status) && status.ready)
		return true;
	CK_RV rv = hsm_key_probe(task->ca->hsm_key);

	scanner_want(worker->bridge, false);
	if (rv == CKR_OK)
		return true;
	refusal_report(&worker->bridge->refusals, REFUSAL_NOT_READY, hsm_describe(rv),
		task->ca->thumbprint);
	return false;
}

static void run_offer(struct worker *worker, struct task *task)
{
	struct job_ca job = ca_job(task->ca);

	if (!is_ready(worker, task)) {
		task_give_back(worker->bridge, task);
		return;
	}
	CLEANUP(free)
	char *content = message_offer_content(
		worker->bridge->state.uuid, (int64_t)task->ca->index, task->siguuid);
	CLEANUP(free)
	char *smime =
		content ? channel_sign(&task->ca->channel, &job, bytes_of_text(content)) : NULL;

	if (!smime) {
		refusal_report(&worker->bridge->refusals, REFUSAL_NOT_READY,
			hsm_describe(key_last_error()), task->ca->thumbprint);
		scanner_want(worker->bridge, false);
		task_give_back(worker->bridge, task);
		return;
	}
	if (task->ticketed)
		replay_answer(worker->bridge->replay, task->ticket, smime);
	publish_offer(worker, task, smime);
}

static char *seal_answer(struct task *task, bool success, const char *text)
{
	struct job_ca job = ca_job(task->ca);
	CLEANUP(free) char *content = message_result_content(success, task->siguuid, text);

	return content ? channel_seal(
				 &task->ca->channel, &job, task->requester, bytes_of_text(content))
		       : NULL;
}

static enum feed_outcome publish_answer(
	struct worker *worker, struct task *task, const struct answer *answer)
{
	CLEANUP(free) char *smime = seal_answer(task, answer->success, answer->text);
	CLEANUP(free)
	char *payload =
		smime ? message_response_payload(task->publisher, task->siguuid, smime) : NULL;

	return payload ? feed_publish(task->feed, worker->rest, task->channel, payload)
		       : FEED_FAILED;
}

/* What was issued, for the record. */
struct issued {
	char subject[JOURNAL_SUBJECT_MAX];
	char serial[64];
};

static void read_issued(const struct task *task, const struct answer *answer, struct issued *issued)
{
	CLEANUP(x509)
	X509 *cert = answer->success && strcmp(task->signtype, "csr") == 0
			     ? certificate_parse(NULL, bytes_of_text(answer->text))
			     : NULL;

	*issued = (struct issued){ 0 };
	if (!cert)
		return;
	(void)X509_NAME_oneline(
		X509_get_subject_name(cert), issued->subject, sizeof(issued->subject));
	(void)certificate_serial_hex(cert, issued->serial);
}

/*
 * Nothing is sent before it is on disk: what could not be written is answered as it will be after a
 * restart.
 */
static void record_answer(struct worker *worker, struct task *task, struct answer *answer)
{
	struct issued issued;

	if (!task->ticketed)
		return;
	read_issued(task, answer, &issued);
	const struct journal_answer entry = { answer->success, answer->text, issued.subject,
		issued.serial, answer->size, answer->queue_ms, answer->token_ms, answer->input };

	if (!journal_answer(worker->bridge->journal, task->ticket, &entry, wallclock_now_s()))
		set_answer(answer, false, JOURNAL_INTERRUPTED);
}

static void set_too_large(struct answer *answer)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
		"The result of %zu bytes does not fit into a PubNub message", strlen(answer->text));
	set_answer(answer, false, text);
}

/* What does not fit into a PubNub message is said to be so, not dropped. */
static enum feed_outcome send_answer(
	struct worker *worker, struct task *task, struct answer *answer)
{
	enum feed_outcome outcome = publish_answer(worker, task, answer);

	if (outcome == FEED_TOO_LARGE) {
		set_too_large(answer);
		if (!answer->text)
			return FEED_FAILED;
		record_answer(worker, task, answer);
		if (answer->text)
			outcome = publish_answer(worker, task, answer);
	}
	if (outcome != FEED_SENT)
		log_error("worker: answer not sent ca=%zu signtype=%s hint=\"the platform may ask"
			  " again\"",
			task->ca->index, task->signtype);
	return outcome;
}

static void deliver_crl(
	struct worker *worker, struct task *task, const char *crl, struct answer *answer)
{
	char reason[PLATFORM_REASON_MAX] = "the CRL cannot be sealed";
	/* success is false here, as the reference appliance sends it and the platform takes it. */
	CLEANUP(free) char *smime = seal_answer(task, false, crl);
	bool taken = smime && delivery_run(worker->bridge, worker->rest, task, smime, reason);

	set_answer(answer, taken, taken ? CRL_DELIVERED : reason);
}

/* The token's part, timed. */
static void run_timed(struct job_ca *job, const struct task *task, struct job_result *result,
	struct answer *answer)
{
	int64_t start_ms = wallclock_uptime_ms();

	hsm_thread_take_input(answer->input);
	job_run(job, task->signtype, task->request, result);
	hsm_thread_take_input(answer->input);
	answer->token_ms = wallclock_uptime_ms() - start_ms;
	answer->size = result->success ? strlen(result->text) : 0;
}

static void run_signing(struct task *task, struct answer *answer)
{
	struct job_ca job = ca_job(task->ca);
	struct job_result result = { 0 };

	run_timed(&job, task, &result, answer);
	set_answer(answer, result.success, result.success ? result.text : result.cause);
	free(result.text);
}

/* Above all that was given out before: here, and by others with this key that share no state, so to
 * the millisecond. */
static int64_t crl_number_min(const struct ca *ca)
{
	int64_t now_ms = wallclock_now() / (WALLCLOCK_SECOND / 1000);

	return now_ms > ca->crl_number ? now_ms : ca->crl_number + 1;
}

/* cRLNumber must grow, so the CRLs of a CA are made one after the other. */
static void run_crl(struct worker *worker, struct task *task, struct answer *answer)
{
	struct job_ca job = ca_job(task->ca);
	struct job_result result = { 0 };

	(void)pthread_mutex_lock(&task->ca->crl_lock);
	job.crl_number_min = crl_number_min(task->ca);
	run_timed(&job, task, &result, answer);
	if (result.success)
		task->ca->crl_number = job.crl_number;
	(void)pthread_mutex_unlock(&task->ca->crl_lock);
	if (result.success)
		deliver_crl(worker, task, result.text, answer);
	else
		set_answer(answer, false, result.cause);
	free(result.text);
}

static void record(struct worker *worker, struct task *task, const struct answer *answer)
{
	struct bridge *bridge = worker->bridge;
	struct log_quoted type;
	struct log_quoted cause;

	(void)pthread_mutex_lock(&bridge->lock);
	if (answer->success) {
		task->ca->jobs_ok++;
		task->ca->last_signature_s = wallclock_now_s();
	} else {
		task->ca->jobs_failed++;
	}
	(void)pthread_mutex_unlock(&bridge->lock);
	workload_count(&bridge->workload, task->signtype, answer->success);
	if (answer->success)
		log_info("worker: job done ca=%zu signtype=%s", task->ca->index, task->signtype);
	else
		log_warn("worker: job failed ca=%zu signtype=%s cause=%s", task->ca->index,
			log_quote(&type, bytes_of_text(task->signtype)),
			log_quote(&cause, bytes_of_text(answer->text)));
}

/* No record, no signature. */
static const char *find_obstacle(struct worker *worker, struct task *task)
{
	if (task->refusal || !task->ticketed)
		return task->refusal;
	if (journal_commit(worker->bridge->journal, task->ticket))
		return NULL;
	task->ticketed = false;
	refusal_report(&worker->bridge->refusals, REFUSAL_UNRECORDED,
		"the job journal cannot be written", task->siguuid);
	return JOURNAL_UNRECORDED;
}

static void execute(struct worker *worker, struct task *task, struct answer *answer)
{
	const char *obstacle = find_obstacle(worker, task);

	answer->queue_ms = wallclock_uptime_ms() - task->queued_ms;
	if (obstacle)
		set_answer(answer, false, obstacle);
	else if (strcmp(task->signtype, "crl") == 0)
		run_crl(worker, task, answer);
	else
		run_signing(task, answer);
	if (!answer->text)
		set_answer(answer, false, "out of memory");
	if (answer->text && strlen(answer->text) > JOURNAL_ANSWER_MAX)
		set_too_large(answer);
}

static void send_recorded(struct worker *worker, struct task *task, struct answer *answer)
{
	struct journal *journal = worker->bridge->journal;
	int64_t start_ms = wallclock_uptime_ms();
	bool sent = send_answer(worker, task, answer) == FEED_SENT;

	if (sent)
		workload_time(&worker->bridge->workload, task->signtype,
			wallclock_uptime_ms() - task->queued_ms);
	if (task->ticketed)
		journal_published(journal, task->ticket, sent, wallclock_uptime_ms() - start_ms,
			wallclock_now_s());
}

static void run_job(struct worker *worker, struct task *task)
{
	struct answer answer = { 0 };

	execute(worker, task, &answer);
	if (!answer.text)
		return;
	if (!answer.success && key_last_error() != CKR_OK)
		scanner_want(worker->bridge, false);
	record_answer(worker, task, &answer);
	if (answer.text) {
		record(worker, task, &answer);
		send_recorded(worker, task, &answer);
	}
	free(answer.text);
}

static void run_repeat(struct worker *worker, struct task *task)
{
	struct answer answer = { .success = task->answer[0] == '1', .text = task->answer + 1 };
	int64_t start_ms = wallclock_uptime_ms();

	if (!task->requester) {
		publish_offer(worker, task, task->answer);
		return;
	}
	bool sent = publish_answer(worker, task, &answer) == FEED_SENT;

	if (!sent)
		log_error("worker: repeated answer not sent ca=%zu", task->ca->index);
	journal_published(worker->bridge->journal, task->ticket, sent,
		wallclock_uptime_ms() - start_ms, wallclock_now_s());
}

static void run_task(struct worker *worker, struct task *task)
{
	static void (*const runs[])(struct worker *, struct task *) = {
		[TASK_OFFER] = run_offer,
		[TASK_JOB] = run_job,
		[TASK_REPEAT] = run_repeat,
	};

	key_forget_error();
	if (is_expired(task)) {
		task_give_back(worker->bridge, task);
		refusal_report(&worker->bridge->refusals, REFUSAL_EXPIRED,
			"its time to live has passed", task->siguuid);
		return;
	}
	runs[task->kind](worker, task);
}

void *worker_run(void *context)
{
	struct worker worker = { .bridge = context };
	struct queue *queue = worker.bridge->queue;
	struct queue_item *item;

	worker.rest = rest_new(worker.bridge->config->tls_ca);
	if (!worker.rest || hsm_thread_begin(worker.bridge->hsm) != CKR_OK) {
		log_error("worker: out of memory");
		rest_free(worker.rest);
		return NULL;
	}
	while ((item = queue_pop(queue))) {
		run_task(&worker, (struct task *)item);
		queue_done(queue, item);
		task_free((struct task *)item);
	}
	hsm_thread_end();
	rest_free(worker.rest);
	return NULL;
}
