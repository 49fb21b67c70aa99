/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge's state in the text format of Prometheus, version 0.0.4. */
#include "metrics.h"

#include <inttypes.h>
#include <stdlib.h>

#include "bridge_core.h"
#include "cleanup.h"
#include "ladder.h"
#include "wallclock.h"

/* All of one scrape. */
struct scraped {
	FILE *out;
	struct bridge *bridge;
};

void metrics_quote(FILE *out, const char *value)
{
	(void)fputc('"', out);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			(void)fputc('\\', out);
		if (*value == '\n')
			(void)fputs("\\n", out);
		else
			(void)fputc(*value, out);
	}
	(void)fputc('"', out);
}

/* NAME{LABEL="VALUE"} NUMBER */
static void one(FILE *out, const char *name, const char *label, const char *value, int64_t number)
{
	(void)fprintf(out, "%s{%s=", name, label);
	metrics_quote(out, value);
	(void)fprintf(out, "} %" PRId64 "\n", number);
}

static void write_info(struct scraped *scraped, const char *name)
{
	(void)fprintf(scraped->out, "%s{version=", name);
	metrics_quote(scraped->out, IOTHSM_VERSION);
	(void)fprintf(scraped->out, ",uuid=");
	metrics_quote(scraped->out, scraped->bridge->state.uuid);
	(void)fprintf(scraped->out, "} 1\n");
}

static void write_start(struct scraped *scraped, const char *name)
{
	(void)fprintf(scraped->out, "%s %" PRId64 "\n", name, scraped->bridge->started_s);
}

static void write_jobs(struct scraped *scraped, const char *name)
{
	struct workload_line lines[WORKLOAD_KINDS];

	workload_read(&scraped->bridge->workload, lines);
	for (unsigned int i = 0; i < WORKLOAD_KINDS; i++) {
		const char *kind = workload_name(i);

		(void)fprintf(scraped->out, "%s{kind=\"%s\",result=\"ok\"} %" PRIu64 "\n", name,
			kind, lines[i].good);
		(void)fprintf(scraped->out, "%s{kind=\"%s\",result=\"failed\"} %" PRIu64 "\n", name,
			kind, lines[i].failed);
	}
}

/* A histogram's buckets are added up: each counts all that took no longer. */
static void write_histogram(
	FILE *out, const char *name, const char *kind, const struct workload_line *line)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < WORKLOAD_BUCKETS; i++) {
		total += line->buckets[i];
		(void)fprintf(out, "%s_bucket{kind=\"%s\",le=\"%.3f\"} %" PRIu64 "\n", name, kind,
			(double)workload_limit_ms(i) / 1000, total);
	}
	(void)fprintf(
		out, "%s_bucket{kind=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, kind, line->timed);
	(void)fprintf(out, "%s_sum{kind=\"%s\"} %.3f\n", name, kind, (double)line->total_ms / 1000);
	(void)fprintf(out, "%s_count{kind=\"%s\"} %" PRIu64 "\n", name, kind, line->timed);
}

static void write_latency(struct scraped *scraped, const char *name)
{
	struct workload_line lines[WORKLOAD_KINDS];

	workload_read(&scraped->bridge->workload, lines);
	for (unsigned int i = 0; i < WORKLOAD_KINDS; i++)
		write_histogram(scraped->out, name, workload_name(i), &lines[i]);
}

static void write_depth(struct scraped *scraped, const char *name)
{
	(void)fprintf(scraped->out, "%s %zu\n", name, queue_waiting(scraped->bridge->queue));
}

static void write_age(struct scraped *scraped, const char *name)
{
	(void)fprintf(scraped->out, "%s %.3f\n", name,
		(double)queue_age_ms(scraped->bridge->queue) / 1000);
}

static void write_registrations(struct scraped *scraped, const char *name)
{
	static const char *const results[PLATFORM_OUTCOMES] = {
		[PLATFORM_REGISTERED] = "ok",
		[PLATFORM_REFUSED] = "refused",
		[PLATFORM_FAILED] = "failed",
	};
	struct bridge *bridge = scraped->bridge;

	(void)pthread_mutex_lock(&bridge->lock);
	for (size_t i = 0; i < PLATFORM_OUTCOMES; i++)
		one(scraped->out, name, "result", results[i], (int64_t)bridge->registrations[i]);
	(void)pthread_mutex_unlock(&bridge->lock);
}

static void write_reconnects(struct scraped *scraped, const char *name)
{
	struct bridge *bridge = scraped->bridge;
	struct feed_status status;
	uint64_t total = 0;

	(void)pthread_mutex_lock(&bridge->lock);
	for (size_t i = 0; i < bridge->feed_count; i++) {
		feed_status(bridge->feeds[i], &status);
		total += status.reconnects;
	}
	(void)pthread_mutex_unlock(&bridge->lock);
	(void)fprintf(scraped->out, "%s %" PRIu64 "\n", name, total);
}

static void write_refusals(struct scraped *scraped, const char *name)
{
	uint64_t counts[REFUSAL_COUNT];

	refusal_counts(&scraped->bridge->refusals, counts);
	for (unsigned int i = 0; i < REFUSAL_COUNT; i++)
		one(scraped->out, name, "reason", refusal_name(i), (int64_t)counts[i]);
}

static void write_token_labels(FILE *out, const char *name, const struct hsm_token_status *token)
{
	(void)fprintf(out, "%s{serial=", name);
	metrics_quote(out, token->serial);
	(void)fprintf(out, ",label=");
	metrics_quote(out, token->label);
}

static bool is_current(const struct hsm_token_status *token)
{
	return token->ready && wallclock_uptime_ms() - token->ready_ms <= LADDER_STALE_MS;
}

static void write_tokens(struct scraped *scraped, const char *name)
{
	struct hsm_token_status token;

	for (size_t i = 0; hsm_token_status(scraped->bridge->hsm, i, &token); i++) {
		const struct {
			const char *name;
			bool good;
		} states[] = {
			{ "present", token.present },
			{ "answers", token.present && token.answers },
			{ "pin_ok", token.present && token.pin_good },
			{ "ready", is_current(&token) },
		};

		for (size_t s = 0; s < ARRAY_LEN(states); s++) {
			write_token_labels(scraped->out, name, &token);
			(void)fprintf(scraped->out, ",state=\"%s\"} %d\n", states[s].name,
				states[s].good);
		}
	}
}

typedef void write_ca(FILE *out, const char *name, struct bridge *bridge, struct ca *ca);

static void each_ca(struct scraped *scraped, const char *name, write_ca *write)
{
	struct bridge *bridge = scraped->bridge;

	(void)pthread_mutex_lock(&bridge->lock);
	for (size_t i = 0; i < bridge->ca_count; i++)
		write(scraped->out, name, bridge, bridge->cas[i]);
	(void)pthread_mutex_unlock(&bridge->lock);
}

static void write_subject_of(FILE *out, const char *name, struct bridge *bridge, struct ca *ca)
{
	(void)bridge;
	(void)fprintf(out, "%s{ca=\"%s\",subject=", name, ca->thumbprint);
	metrics_quote(out, ca->subject);
	(void)fprintf(out, "} 1\n");
}

static void write_connected_of(FILE *out, const char *name, struct bridge *bridge, struct ca *ca)
{
	struct ladder ladder;

	status_ladder_locked(bridge, ca, &ladder);
	one(out, name, "ca", ca->thumbprint, ladder.missing == LADDER_RUNGS);
}

static void write_rungs_of(FILE *out, const char *name, struct bridge *bridge, struct ca *ca)
{
	struct ladder ladder;

	status_ladder_locked(bridge, ca, &ladder);
	for (unsigned int i = 0; i <= LADDER_SUBSCRIBED; i++)
		(void)fprintf(out, "%s{ca=\"%s\",rung=\"%s\"} %d\n", name, ca->thumbprint,
			ladder_name(i), ladder.rungs[i].state == LADDER_GOOD);
}

static void write_expiry_of(FILE *out, const char *name, struct bridge *bridge, struct ca *ca)
{
	struct tm end;

	(void)bridge;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(ca->cert), &end) == 1)
		one(out, name, "ca", ca->thumbprint, (int64_t)timegm(&end));
}

static void write_message_of(FILE *out, const char *name, struct bridge *bridge, struct ca *ca)
{
	(void)bridge;
	one(out, name, "ca", ca->thumbprint, ca->last_message_s);
}

static void write_signature_of(FILE *out, const char *name, struct bridge *bridge, struct ca *ca)
{
	(void)bridge;
	one(out, name, "ca", ca->thumbprint, ca->last_signature_s);
}

static void write_subjects(struct scraped *scraped, const char *name)
{
	each_ca(scraped, name, write_subject_of);
}

static void write_connected(struct scraped *scraped, const char *name)
{
	each_ca(scraped, name, write_connected_of);
}

static void write_rungs(struct scraped *scraped, const char *name)
{
	each_ca(scraped, name, write_rungs_of);
}

static void write_expiry(struct scraped *scraped, const char *name)
{
	each_ca(scraped, name, write_expiry_of);
}

static void write_messages(struct scraped *scraped, const char *name)
{
	each_ca(scraped, name, write_message_of);
}

static void write_signatures(struct scraped *scraped, const char *name)
{
	each_ca(scraped, name, write_signature_of);
}

static void write_incomplete(struct scraped *scraped, const char *name)
{
	struct bridge *bridge = scraped->bridge;

	(void)pthread_mutex_lock(&bridge->lock);
	size_t count = bridge->remnants.count;

	(void)pthread_mutex_unlock(&bridge->lock);
	(void)fprintf(scraped->out, "%s %zu\n", name, count);
}

/* Left out as long as the platform has not told its time: 0 would be a claim. */
static void write_skew(struct scraped *scraped, const char *name)
{
	int64_t skew_s = 0;

	if (wallclock_date_skew_s(&skew_s))
		(void)fprintf(scraped->out, "%s %" PRId64 "\n", name, skew_s);
}

static void write_journal(struct scraped *scraped, const char *name)
{
	CLEANUP(json) json_t *journal = journal_json(scraped->bridge->journal);

	(void)fprintf(
		scraped->out, "%s %d\n", name, json_is_true(json_object_get(journal, "writable")));
}

static const struct {
	const char *name;
	const char *type;
	const char *help;
	void (*write)(struct scraped *scraped, const char *name);
} families[] = {
	{ "iothsm_bridge_info", "gauge", "Version and appliance, always 1.", write_info },
	{ "iothsm_bridge_start_time_seconds", "gauge", "When the bridge started.", write_start },
	{ "iothsm_bridge_jobs_total", "counter", "Jobs by kind and result.", write_jobs },
	{ "iothsm_bridge_job_seconds", "histogram",
		"From a job's coming in to its answer's being published.", write_latency },
	{ "iothsm_bridge_queue_depth", "gauge", "Messages that wait for a worker.", write_depth },
	{ "iothsm_bridge_queue_age_seconds", "gauge", "How long the first of them has waited.",
		write_age },
	{ "iothsm_bridge_registrations_total", "counter", "Registrations of CAs by result.",
		write_registrations },
	{ "iothsm_bridge_reconnects_total", "counter",
		"Subscriptions that came back after a failure.", write_reconnects },
	{ "iothsm_bridge_refusals_total", "counter", "Messages that were not acted on, by reason.",
		write_refusals },
	{ "iothsm_bridge_token_state", "gauge", "What holds of a token.", write_tokens },
	{ "iothsm_bridge_ca_info", "gauge", "The subject of a CA, always 1.", write_subjects },
	{ "iothsm_bridge_ca_connected", "gauge", "Whether nothing is missing.", write_connected },
	{ "iothsm_bridge_ca_rung", "gauge", "What a CA needs, one by one.", write_rungs },
	{ "iothsm_bridge_ca_not_after_seconds", "gauge", "When a CA's certificate expires.",
		write_expiry },
	{ "iothsm_bridge_ca_last_message_seconds", "gauge",
		"When the platform last asked for a CA, 0: never.", write_messages },
	{ "iothsm_bridge_ca_last_signature_seconds", "gauge",
		"When a CA last signed for the platform, 0: never.", write_signatures },
	{ "iothsm_bridge_incomplete_certificates", "gauge",
		"Certificates on tokens without their private key.", write_incomplete },
	{ "iothsm_bridge_clock_skew_seconds", "gauge",
		"How far the system's clock is ahead of the platform's Date header.", write_skew },
	{ "iothsm_bridge_journal_writable", "gauge", "Whether jobs can be recorded.",
		write_journal },
};

char *metrics_text(struct bridge *bridge)
{
	char *text = NULL;
	size_t len = 0;
	struct scraped scraped = { open_memstream(&text, &len), bridge };

	if (!scraped.out)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		(void)fprintf(scraped.out, "# HELP %s %s\n# TYPE %s %s\n", families[i].name,
			families[i].help, families[i].name, families[i].type);
		families[i].write(&scraped, families[i].name);
	}
	bool failed = ferror(scraped.out) != 0;

	if (fclose(scraped.out) == 0 && !failed)
		return text;
	free(text);
	return NULL;
}
