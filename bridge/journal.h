/* SPDX-License-Identifier: Apache-2.0 */
/* The durable record of the platform's jobs, by which no job is executed twice, whatever crashes.
 */
#ifndef IOTHSM_JOURNAL_H
#define IOTHSM_JOURNAL_H

#include <jansson.h>
#include <openssl/x509.h>

#include "bytes.h"

enum {
	JOURNAL_JOBS_MAX = 20000,
	JOURNAL_LIFE_SECONDS = 24 * 3600,
	JOURNAL_ANSWER_MAX = 768 * 1024,
	JOURNAL_SUBJECT_MAX = 256,
};

/* The answers to a job that cannot be accepted, and to one that was and whose own answer is not on
 * disk. */
#define JOURNAL_UNRECORDED  "The job cannot be recorded, so it is not executed"
#define JOURNAL_INTERRUPTED "interrupted; ask again under a new siguuid"

struct journal;

/* A request; (thumbprint, siguuid) is its key. The members down to ttl_s serve to answer it after a
 * restart. */
struct journal_job {
	const char *thumbprint;
	const char *siguuid;
	const char *kind;
	struct bytes body;
	X509 *requester;
	const char *channel;
	const char *publisher;
	int64_t published;
	double ttl_s;
};

struct journal_answer {
	bool success;
	const char *text;
	const char *subject; /* of the certificate issued, or empty */
	const char *serial;  /* the same */
	size_t size;         /* of the product, of a CRL for instance */
	int64_t queue_ms;
	int64_t token_ms;
	const char *input; /* SHA-256 of the to-be-signed bytes in hex, or empty */
};

enum journal_verdict {
	JOURNAL_NEW,        /* *ticket is for the calls below; not durable yet */
	JOURNAL_PENDING,    /* the same is being worked on */
	JOURNAL_ANSWERED,   /* *answer is '1' or '0' and the text, freed by the caller */
	JOURNAL_LOST,       /* answered, but the answer is kept no longer */
	JOURNAL_CONFLICT,   /* another body under the same key */
	JOURNAL_UNWRITABLE, /* it cannot be recorded, so it must not be executed */
};

/* Jobs without an answer count as interrupted from now on. NULL on failure, which is logged. */
struct journal *journal_open(const char *directory, int64_t now_s);
void journal_close(struct journal *journal);

/* Any thread may call all of these. */
enum journal_verdict journal_accept(struct journal *journal, const struct journal_job *job,
	int64_t now_s, uint64_t *ticket, char **answer);

/* Waits until its acceptance is durable, together with others. False: it is not, and is forgotten.
 */
bool journal_commit(struct journal *journal, uint64_t ticket);

/* Durable when it returns true; when false the job's answer is JOURNAL_INTERRUPTED for ever. */
bool journal_answer(struct journal *journal, uint64_t ticket, const struct journal_answer *answer,
	int64_t now_s);

/* Whether the answer reached the platform; until then it is sent again after a restart. */
void journal_published(
	struct journal *journal, uint64_t ticket, bool sent, int64_t network_ms, int64_t now_s);

/* It was not executed (its time to live had passed, for instance) and may come again. */
void journal_forget(struct journal *journal, uint64_t ticket, int64_t now_s);

/*
 * Takes one job of this CA whose answer did not reach the platform before the restart: its
 * "accepted" record, owned by the caller, and its answer as of JOURNAL_ANSWERED. NULL when there is
 * none (left).
 */
json_t *journal_take_unsent(
	struct journal *journal, const char *thumbprint, uint64_t *ticket, char **answer);

/* For the status: owned. */
json_t *journal_json(struct journal *journal);

#endif
