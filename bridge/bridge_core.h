/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the bridge share: the CAs, the work to do, and who does it. */
#ifndef IOTHSM_BRIDGE_CORE_H
#define IOTHSM_BRIDGE_CORE_H

#include "backoff.h"
#include "bridge.h"
#include "channel.h"
#include "feed.h"
#include "hsm.h"
#include "journal.h"
#include "message.h"
#include "platform.h"
#include "queue.h"
#include "refusal.h"
#include "remnant.h"
#include "replay.h"
#include "state.h"
#include "workload.h"

enum {
	BRIDGE_CAS_MAX = HSM_KEYS_MAX,
	BRIDGE_FEEDS_MAX = 16,
	BRIDGE_REGISTRARS = 2,
	BRIDGE_TASKS_MAX = 2000,
	BRIDGE_DRAIN_MS = 30 * 1000,
};

/*
 * One CA, known by its certificate. Its number is the caindex of the protocol: given once, never to
 * another CA, as long as the process lives.
 */
struct ca {
	size_t index;
	char subject[SUBJECT_MAX];
	char serial[64];
	char thumbprint[41];
	X509 *cert;
	enum job_name_order name_order; /* of what it issues */
	EVP_PKEY *key;
	struct hsm_key *hsm_key;
	struct channel channel;

	pthread_mutex_t
		crl_lock; /* one CRL at a time, so that cRLNumber grows; guards crl_number */
	int64_t crl_number;

	/* All below is guarded by the bridge's lock. */
	bool present;            /* the last good scan of its token found it */
	bool seen;               /* by the scan under way */
	enum hsm_lack lack;      /* when it is not present */
	enum hsm_lack lack_seen; /* by the scan under way */
	int64_t seen_s;          /* when it last was complete on its token */
	bool registering;
	bool registered;
	bool refusal;         /* the last registration ended with the platform's refusal */
	int64_t registered_s; /* when the platform last took it */
	int64_t due_ms;       /* of the next registration */
	struct backoff refused;
	struct backoff failed;
	char reason[PLATFORM_REASON_MAX];
	struct platform_connection connection;
	struct feed *feed;
	int64_t last_message_s;
	int64_t last_signature_s;
	uint64_t jobs_ok;
	uint64_t jobs_failed;
};

enum task_kind { TASK_OFFER, TASK_JOB, TASK_REPEAT };

/* A message that was found good, waiting for a worker. */
struct task {
	struct queue_item item; /* first: the queue knows only this */
	enum task_kind kind;
	struct ca *ca;
	struct feed *feed;
	char channel[PUBNUB_NAME_MAX + 1];
	char publisher[PUBNUB_NAME_MAX + 1]; /* whom the answer addresses */
	char siguuid[MESSAGE_FIELD_MAX];
	char signtype[MESSAGE_FIELD_MAX];
	int64_t published;
	double ttl_s;
	X509 *requester;
	json_t *request;
	const char *refusal; /* a job that is answered with this instead of being run */
	char *answer;        /* the stored one of a repeat */
	bool ticketed;       /* the ticket below is to be answered or given back */
	uint64_t ticket;     /* an offer's of the replay memory, any other's of the journal */
	int64_t queued_ms;
};

struct bridge {
	const struct config *config;
	struct state state;
	struct hsm *hsm;
	struct platform *platform;
	struct replay *replay;   /* of solicitations */
	struct journal *journal; /* of requests */
	struct queue *queue;
	struct refusals refusals;
	struct workload workload;

	atomic_bool stopping;  /* ends registration and scanning */
	atomic_bool abandoned; /* ends what workers wait for */

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wake;  /* for registrars and scanner: due times, requests, stopping */
	struct ca *cas[BRIDGE_CAS_MAX]; /* elements never move or go */
	size_t ca_count;
	struct feed *feeds[BRIDGE_FEEDS_MAX]; /* the same */
	size_t feed_count;
	bool scanned;
	bool scan_wanted;
	bool scan_by_person;
	uint64_t scans;
	int64_t started_s;
	struct remnants remnants;
	uint64_t registrations[PLATFORM_OUTCOMES];

	struct remnants fresh_remnants; /* the scanner's own: of the scan under way */

	pthread_t scanner;
	pthread_t registrars[BRIDGE_REGISTRARS];
	pthread_t workers[CONFIG_WORKERS_MAX];
	size_t registrar_count;
	size_t worker_count;
	bool scanning;
};

/* ca.c */
struct ca *ca_new(struct bridge *bridge, const struct hsm_found *found, size_t index);
void ca_free(struct ca *ca);
struct ca *ca_find(struct bridge *bridge, const char *serial, const char *thumbprint);
struct ca *ca_at(struct bridge *bridge, size_t index); /* NULL beyond the last */
size_t ca_count(struct bridge *bridge);
struct job_ca ca_job(struct ca *ca);

/* scanner.c: finds CAs. registrar.c: registers them. worker.c: executes tasks. */
void *scanner_run(void *bridge);
void *registrar_run(void *bridge);
void *worker_run(void *bridge);

/* Another scan soon, because a token did not do what it should. */
void scanner_want(struct bridge *bridge, bool by_person);

/* intake.c: the messages of a feed become tasks. registrar.c: its keys are refused. */
void intake_take(void *bridge, struct feed *feed, const struct pubnub_message *message);
void registrar_renew(void *bridge, struct feed *feed);

/* resume.c: sends what the platform did not get before the restart. */
void resume_answers(struct bridge *bridge, struct ca *ca);

/* status.c: how a CA stands. */
struct ladder;
void status_ladder_locked(struct bridge *bridge, struct ca *ca, struct ladder *ladder);

/* task.c */
struct task *task_new(void);
void task_free(struct task *task);

/* It is not executed and may come again. */
void task_give_back(struct bridge *bridge, struct task *task);

#endif
