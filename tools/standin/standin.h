/* SPDX-License-Identifier: Apache-2.0 */
/* A local stand-in of the platform and of PubNub, and a driver that sends jobs and checks every
 * answer. */
#ifndef IOTHSM_STANDIN_H
#define IOTHSM_STANDIN_H

#include <jansson.h>
#include <openssl/x509.h>

#include "bytes.h"

struct standin;

struct standin_settings {
	const char
		*directory; /* exists; see identity.h for the files, and cas/ for the known CAs */
	uint16_t port;      /* 0: a free one */
	unsigned hold_ms;   /* how long an idle poll is held; 0: PubNub's 280 s */
};

/*
 * Serves https://127.0.0.1:PORT from a thread of its own; the files of its directory are complete
 * on return, `url` last. NULL on failure, which is logged.
 */
struct standin *standin_start(const struct standin_settings *settings);
void standin_stop(struct standin *standin);

const char *standin_url(const struct standin *standin);

/* From any thread or process: makes a CA known to the stand-in of this directory. */
bool standin_add_ca(const char *directory, X509 *ca);

/* What the requests of an appliance meet; those of drivers meet nothing. */
struct standin_fault {
	const char *place; /* register, deliver, subscribe, publish, time, leave, messages */
	/*
	 * 400 to 599, html, reset, silence, refuse; of messages duplicate and reverse. Several,
	 * separated by commas, are met in turn.
	 */
	const char *kind;
	unsigned count;  /* the next so many requests; 0: all during for_ms */
	unsigned for_ms; /* with a count: how long each silence lasts, 0 without end */
};

/* From any thread; takes the place of the fault set before at the same place. False when a word is
 * unknown or they do not go together. */
bool standin_set_fault(struct standin *standin, const struct standin_fault *fault);

/* How many requests met the fault that was set last at this place. */
unsigned standin_fault_met(struct standin *standin, const char *place);

/* --- the driver: a peer of its own on the CA's channel, from any process that may read the
 * directory --- */

struct standin_driver;

/* Subscribed when it returns; NULL on failure, which is logged. */
struct standin_driver *standin_driver_open(const char *directory, X509 *ca);
void standin_driver_close(struct standin_driver *driver);

struct standin_order {
	const char *signtype;
	json_t *request;      /* referenced while the job runs */
	unsigned window_ms;   /* collect offers this long; 0: take the first good one */
	unsigned offer_ms;    /* deadline of one solicitation */
	unsigned attempts;    /* solicitations before the job counts as lost */
	unsigned response_ms; /* deadline of the response */
	bool insistent;       /* solicits again, under one siguuid, until a response comes */
};

/* 5 s for offers, one solicitation, 30 s for the response. */
struct standin_order standin_order_default(const char *signtype, json_t *request);

enum { STANDIN_CAUSE_MAX = 256 };

struct standin_result {
	bool answered; /* a genuine response came */
	bool success;  /* it says success */
	bool verified; /* and its product is what was asked for */
	unsigned offers;
	int64_t elapsed_ms;            /* of the solicitation that was answered */
	char *text;                    /* certificate, CRL or CMS; NULL unless success */
	char cause[STANDIN_CAUSE_MAX]; /* why not verified */
};

/* May be called from many threads at once. */
void standin_job(struct standin_driver *driver, const struct standin_order *order,
	struct standin_result *result);
void standin_result_reset(struct standin_result *result);

struct standin_figures {
	unsigned count, answered, verified;
	int64_t p50_ms, p99_ms, max_ms;
	int64_t total_ms;
	char cause[STANDIN_CAUSE_MAX]; /* of the first job that was not verified */
};

/* The same order count times, parallel at once. False when the threads cannot be started. */
bool standin_load(struct standin_driver *driver, const struct standin_order *order, unsigned count,
	unsigned parallel, struct standin_figures *figures);

#endif
