/* SPDX-License-Identifier: Apache-2.0 */
/* The "drive" half of the program: one job, or many, against a running stand-in. */
#include "command.h"

#include <getopt.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "peer.h"

enum {
	COMMAND_FILE_MAX = 1024 * 1024,
	COMMAND_NUMBER_MAX = 1000000,
	COMMAND_WAIT_SECONDS = 30,
	COMMAND_LOAD_COUNT = 100,
	COMMAND_OFFER_SECONDS = 2,
	COMMAND_AGAIN_SECONDS = 10
};

struct options {
	const char *directory, *ca, *csr, *options, *database, *data, *out, *at, *fault;
	unsigned days, count, parallel, wait, for_ms, again;
};

/* --- options --- */

static const struct text_option {
	const char *name;
	size_t offset;
} text_options[] = {
	{ "dir", offsetof(struct options, directory) },
	{ "ca", offsetof(struct options, ca) },
	{ "csr", offsetof(struct options, csr) },
	{ "options", offsetof(struct options, options) },
	{ "database", offsetof(struct options, database) },
	{ "data", offsetof(struct options, data) },
	{ "out", offsetof(struct options, out) },
	{ "at", offsetof(struct options, at) },
	{ "fault", offsetof(struct options, fault) },
};

static const struct number_option {
	const char *name;
	size_t offset;
} number_options[] = {
	{ "days", offsetof(struct options, days) },
	{ "count", offsetof(struct options, count) },
	{ "parallel", offsetof(struct options, parallel) },
	{ "wait", offsetof(struct options, wait) },
	{ "for", offsetof(struct options, for_ms) },
	{ "again", offsetof(struct options, again) },
};

static bool parse_number(const char *text, unsigned *number)
{
	char *end = NULL;
	unsigned long value = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || value > COMMAND_NUMBER_MAX)
		return false;
	*number = (unsigned)value;
	return true;
}

static bool set_option(struct options *options, const char *name, const char *value)
{
	for (size_t i = 0; i < ARRAY_LEN(text_options); i++) {
		if (strcmp(text_options[i].name, name) == 0) {
			memcpy((char *)options + text_options[i].offset, &value, sizeof(value));
			return true;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(number_options); i++) {
		unsigned number = 0;

		if (strcmp(number_options[i].name, name) == 0) {
			bool good = parse_number(value, &number);

			memcpy((char *)options + number_options[i].offset, &number, sizeof(number));
			return good;
		}
	}
	return false;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
	for (int i = 0; i < argc; i += 2) {
		if (strncmp(argv[i], "--", 2) != 0 || i + 1 == argc ||
			!set_option(options, argv[i] + 2, argv[i + 1])) {
			(void)fprintf(stderr, "iothsm-standin: wrong option %s\n", argv[i]);
			return false;
		}
	}
	return options->directory != NULL;
}

/* --- inputs --- */

static char *read_text(const char *path)
{
	size_t len = 0;
	char *text = file_read(path, COMMAND_FILE_MAX, &len);

	if (!text)
		log_error("standin: cannot read file=%s error=%m", path);
	return text;
}

X509 *command_read_cert(const char *path)
{
	CLEANUP(free) char *text = read_text(path);
	X509 *cert = text ? certificate_parse(NULL, bytes_of_text(text)) : NULL;

	if (text && !cert)
		log_error("standin: no certificate file=%s", path);
	return cert;
}

static json_t *read_json(const char *path)
{
	CLEANUP(free) char *text = read_text(path);
	json_t *value = text ? json_parse(bytes_of_text(text)) : NULL;

	if (text && !value)
		log_error("standin: no JSON file=%s", path);
	return value;
}

/* A CSR of a key made for it, for those who bring none. */
static char *make_csr(void)
{
	CLEANUP(pkey) EVP_PKEY *key = EVP_EC_gen("P-256");
	CLEANUP(x509_req) X509_REQ *csr = X509_REQ_new();
	CLEANUP(bio) BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;

	if (!key || !csr || !bio ||
		X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(csr), "CN", MBSTRING_ASC,
			(const unsigned char *)"leaf.example.com", -1, -1, 0) != 1 ||
		X509_REQ_set_pubkey(csr, key) != 1 || X509_REQ_sign(csr, key, EVP_sha256()) == 0 ||
		PEM_write_bio_X509_REQ(bio, csr) != 1)
		return NULL;
	long len = BIO_get_mem_data(bio, &data);

	return strndup(data, (size_t)len);
}

/* --- jobs --- */

static json_t *csr_request(const struct options *options)
{
	CLEANUP(free) char *csr = options->csr ? read_text(options->csr) : make_csr();
	json_t *csr_options =
		options->options ? read_json(options->options) : json_pack("{s:i}", "days", 90);

	return csr && csr_options ? json_pack("{s:s, s:o}", "csr", csr, "options", csr_options)
				  : NULL;
}

static json_t *crl_request(const struct options *options)
{
	CLEANUP(free) char *database = options->database ? read_text(options->database) : NULL;

	return database ? json_pack("{s:i, s:s}", "days", (int)options->days, "database", database)
			: NULL;
}

static json_t *cms_request(const struct options *options)
{
	json_t *cms_options = options->options ? read_json(options->options)
					       : json_pack("{s:s, s:s, s:s}", "inform", "SMIME",
							 "outform", "PEM", "encoding", "utf8");

	if (!cms_options || (options->data && json_object_set_new(cms_options, "data",
						      json_string(options->data)) != 0)) {
		json_decref(cms_options);
		return NULL;
	}
	return json_pack("{s:o}", "options", cms_options);
}

static bool write_product(const char *path, const char *text)
{
	if (!path)
		return fputs(text, stdout) >= 0;
	if (file_replace(path, bytes_of_text(text), 0644))
		return true;
	log_error("standin: cannot write file=%s error=%m", path);
	return false;
}

static int run_one(struct standin_driver *driver, const struct standin_order *order,
	const struct options *options)
{
	struct standin_result result;

	standin_job(driver, order, &result);
	if (result.verified)
		log_info("standin: %s answered and verified elapsed_ms=%lld offers=%u",
			order->signtype, (long long)result.elapsed_ms, result.offers);
	else
		log_error("standin: %s %s cause=%s", order->signtype,
			result.answered ? "answered wrongly" : "not answered", result.cause);
	bool written = !result.text || write_product(options->out, result.text);
	int status = result.verified && written ? COMMAND_OK : COMMAND_FAILED;

	standin_result_reset(&result);
	return status;
}

/* One job first, with patience: the figures shall not count an appliance that is still starting. */
static int run_load(struct standin_driver *driver, const struct standin_order *order,
	const struct options *options)
{
	struct standin_figures figures;
	struct standin_result first;
	struct standin_order once = *order;

	once.attempts = 1 + options->again;
	once.insistent = options->again > 0;
	if (once.insistent)
		once.response_ms = COMMAND_AGAIN_SECONDS * 1000;
	standin_job(driver, order, &first);
	bool ready = first.answered;

	if (!ready)
		log_error("standin: no answer to the first job cause=%s", first.cause);
	standin_result_reset(&first);
	if (!ready ||
		!standin_load(driver, &once, options->count ? options->count : COMMAND_LOAD_COUNT,
			options->parallel, &figures))
		return COMMAND_FAILED;
	(void)printf("jobs %u answered %u lost %u verified %u\n", figures.count, figures.answered,
		figures.count - figures.answered, figures.verified);
	(void)printf("p50 %lld ms p99 %lld ms max %lld ms total %lld ms\n",
		(long long)figures.p50_ms, (long long)figures.p99_ms, (long long)figures.max_ms,
		(long long)figures.total_ms);
	if (figures.cause[0])
		(void)printf("first fault: %s\n", figures.cause);
	return figures.verified == figures.count ? COMMAND_OK : COMMAND_FAILED;
}

static const struct job_command {
	const char *name;
	const char *signtype;
	json_t *(*request)(const struct options *options);
	int (*run)(struct standin_driver *driver, const struct standin_order *order,
		const struct options *options);
} job_commands[] = {
	{ "csr", "csr", csr_request, run_one },
	{ "crl", "crl", crl_request, run_one },
	{ "cms", "cms", cms_request, run_one },
	{ "load", "csr", csr_request, run_load },
};

static const struct job_command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(job_commands); i++) {
		if (strcmp(job_commands[i].name, name) == 0)
			return &job_commands[i];
	}
	return NULL;
}

static int drive(const struct job_command *command, const struct options *options)
{
	CLEANUP(x509) X509 *ca = command_read_cert(options->ca);
	CLEANUP(json) json_t *request = command->request(options);

	if (!ca || !request)
		return COMMAND_FAILED;
	struct standin_driver *driver = standin_driver_open(options->directory, ca);
	struct standin_order order = standin_order_default(command->signtype, request);

	if (!driver)
		return COMMAND_FAILED;
	order.offer_ms = COMMAND_OFFER_SECONDS * 1000;
	order.attempts = options->wait / COMMAND_OFFER_SECONDS + 1;
	int status = command->run(driver, &order, options);

	standin_driver_close(driver);
	return status;
}

/* Sets a fault, or prints how many requests met the one that was set last. */
static int drive_fault(const struct options *options)
{
	CLEANUP(json)
	json_t *wanted =
		json_pack("{s:s, s:s?, s:i, s:i}", "place", options->at, "kind", options->fault,
			"count", options->count || options->for_ms ? (int)options->count : 1,
			"for_ms", (int)options->for_ms);
	CLEANUP(free) char *body = options->fault ? json_print(wanted) : NULL;
	char path[64] = "fault";
	struct peer peer;

	if (!options->fault)
		(void)snprintf(path, sizeof(path), "fault/%s", options->at);
	if (!peer_open(&peer, options->directory))
		return COMMAND_FAILED;
	struct rest *rest = peer_connect(&peer);
	int met = rest ? peer_control(&peer, rest, path, body) : -1;

	rest_free(rest);
	peer_close(&peer);
	if (met >= 0 && !options->fault)
		(void)printf("%d\n", met);
	return met >= 0 ? COMMAND_OK : COMMAND_FAILED;
}

int command_drive(int argc, char **argv)
{
	const struct job_command *command = argc > 1 ? find_command(argv[1]) : NULL;
	struct options options = { .days = 30, .parallel = 16, .wait = COMMAND_WAIT_SECONDS };

	bool fault = argc > 1 && strcmp(argv[1], "fault") == 0;

	if ((!command && !fault) || !parse_options(argc - 2, argv + 2, &options))
		return COMMAND_USAGE;
	if (fault)
		return options.at ? drive_fault(&options) : COMMAND_USAGE;
	return options.ca ? drive(command, &options) : COMMAND_USAGE;
}
