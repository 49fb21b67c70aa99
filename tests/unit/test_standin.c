/* SPDX-License-Identifier: Apache-2.0 */
/* The stand-in as a whole: its REST forms, and jobs against a small appliance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cleanup.h"
#include "json.h"
#include "peer.h"
#include "standin.h"
#include "support/appliance.h"
#include "support/directory.h"
#include "support/vectors.h"

struct fixture {
	struct directory directory;
	const char *path;
	struct standin *standin;
	struct peer peer;
	struct rest *rest;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture)
		return -1;
	directory_make(&fixture->directory);
	fixture->path = fixture->directory.path;
	const struct standin_settings settings = { .directory = fixture->path, .hold_ms = 300 };

	fixture->standin = standin_start(&settings);
	if (!fixture->standin || !peer_open(&fixture->peer, fixture->path))
		return -1;
	fixture->rest = peer_connect(&fixture->peer);
	*state = fixture;
	return fixture->rest ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	rest_free(fixture->rest);
	peer_close(&fixture->peer);
	standin_stop(fixture->standin);
	directory_remove(&fixture->directory);
	free(fixture);
	return 0;
}

/* The body of a GET or, with a body, of a POST; its HTTP status in *status. */
static char *call(struct fixture *fixture, const char *path, const char *body, long *status)
{
	char url[40000];
	struct rest_reply reply = { 0 };

	(void)snprintf(url, sizeof(url), "%s%s", standin_url(fixture->standin), path);
	const struct rest_request request = { .url = url,
		.body = body ? bytes_of_text(body) : bytes_of(NULL, 0),
		.timeout_ms = 10000,
		.reply_max = JSON_TEXT_MAX };

	assert_int_equal(rest_send(fixture->rest, &request, &reply), CKR_OK);
	*status = reply.status;
	char *text = strdup(reply.body);

	rest_reply_reset(&reply);
	return text;
}

/* --- REST forms --- */

static void idle_poll_is_answered_empty_with_the_same_timetoken(void **state)
{
	struct fixture *fixture = *state;
	char timetoken[PEER_TIMETOKEN_SIZE] = "";
	CLEANUP(json) json_t *handshake = NULL;
	CLEANUP(json) json_t *idle = NULL;

	assert_true(peer_poll(&fixture->peer, fixture->rest, "ch", timetoken, NULL, &handshake));
	CLEANUP(free) char *before = strdup(timetoken);

	assert_true(peer_poll(&fixture->peer, fixture->rest, "ch", timetoken, NULL, &idle));
	assert_int_equal(json_array_size(idle), 0);
	assert_string_equal(timetoken, before);
}

static void client_meets_each_fault_in_turn_and_a_driver_none(void **state)
{
	static const struct standin_fault fault = { "time", "503,html,400", 3, 0 };
	struct fixture *fixture = *state;
	long status[4] = { 0 };

	assert_true(standin_set_fault(fixture->standin, &fault));
	free(call(fixture, "/time/0?pnsdk=iothsm-standin", NULL, &status[0]));
	assert_int_equal(status[0], 200);
	free(call(fixture, "/time/0", NULL, &status[1]));
	CLEANUP(free) char *page = call(fixture, "/time/0", NULL, &status[2]);
	free(call(fixture, "/time/0", NULL, &status[3]));
	assert_int_equal(status[1], 503);
	assert_int_equal(status[2], 200);
	assert_int_equal(page[0], '<');
	assert_int_equal(status[3], 400);
	assert_int_equal(standin_fault_met(fixture->standin, "time"), 3);
	free(call(fixture, "/time/0", NULL, &status[0]));
	assert_int_equal(status[0], 200);
}

/* More than two: libcurl may try once more where a kept connection ends without an answer. */
static void silence_and_reset_end_the_connection(void **state)
{
	static const struct standin_fault fault = { "time", "silence,reset", 4, 50 };
	struct fixture *fixture = *state;
	char url[128];
	struct rest_reply reply = { 0 };

	(void)snprintf(url, sizeof(url), "%s/time/0", standin_url(fixture->standin));
	const struct rest_request request = { .url = url, .timeout_ms = 10000, .reply_max = 1000 };

	assert_true(standin_set_fault(fixture->standin, &fault));
	for (int i = 0; i < 2; i++) {
		assert_int_not_equal(rest_send(fixture->rest, &request, &reply), CKR_OK);
		assert_null(strstr(reply.error, "timed out"));
	}
}

static void messages_come_twice_and_in_reverse_when_asked_for(void **state)
{
	static const struct standin_fault fault = { "messages", "duplicate,reverse", 2, 0 };
	struct fixture *fixture = *state;
	char path[256];
	long status = 0;

	assert_true(standin_set_fault(fixture->standin, &fault));
	assert_true(peer_publish(&fixture->peer, fixture->rest, "ch", "1"));
	assert_true(peer_publish(&fixture->peer, fixture->rest, "ch", "2"));
	(void)snprintf(path, sizeof(path), "/v2/subscribe/%s/ch/0?tt=1",
		fixture->peer.identity.subscribe_key);
	CLEANUP(free) char *first = call(fixture, path, NULL, &status);
	CLEANUP(free) char *second = call(fixture, path, NULL, &status);
	CLEANUP(json) json_t *twice = json_parse(bytes_of_text(first));
	CLEANUP(json) json_t *reverse = json_parse(bytes_of_text(second));
	json_t *messages = json_object_get(reverse, "m");

	assert_int_equal(json_array_size(json_object_get(twice, "m")), 4);
	assert_int_equal(json_array_size(messages), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(messages, 0), "d")), 2);
}

static void message_is_caught_up_by_its_timetoken(void **state)
{
	struct fixture *fixture = *state;
	char timetoken[PEER_TIMETOKEN_SIZE] = "";
	CLEANUP(json) json_t *handshake = NULL;
	CLEANUP(json) json_t *messages = NULL;

	assert_true(peer_poll(&fixture->peer, fixture->rest, "ch", timetoken, NULL, &handshake));
	assert_true(peer_publish(&fixture->peer, fixture->rest, "ch", "{\"a\":\"/+ \\n\"}"));
	assert_true(peer_publish(&fixture->peer, fixture->rest, "other", "1"));
	assert_true(peer_poll(&fixture->peer, fixture->rest, "ch", timetoken, NULL, &messages));
	assert_int_equal(json_array_size(messages), 1);
	const json_t *envelope = json_array_get(messages, 0);

	assert_string_equal(json_text(json_object_get(envelope, "d"), "a"), "/+ \n");
	assert_string_equal(json_text(envelope, "i"), fixture->peer.uuid);
}

static void long_payload_goes_by_post_and_a_longer_one_is_refused(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(free) char *payload = calloc(1, 40000);

	memset(payload, '/', 20000);
	payload[0] = payload[19999] = '"';
	assert_true(peer_publish(&fixture->peer, fixture->rest, "ch", payload));
	memset(payload, '/', 33000);
	payload[0] = payload[32999] = '"';
	assert_false(peer_publish(&fixture->peer, fixture->rest, "ch", payload));
}

static void recorded_publish_is_refused_only_for_its_keys(void **state)
{
	struct fixture *fixture = *state;
	size_t len = 0;
	long status = 0;
	CLEANUP(free) char *path = vector_text("run_ec", "11_csr_offer_url.txt", &len);

	path[strcspn(path, "\r\n")] = '\0';
	CLEANUP(free) char *refusal = call(fixture, path, NULL, &status);

	assert_int_equal(status, 400);
	assert_memory_equal(refusal, "[0,\"Invalid Key\",", 17);
}

static void errors_have_the_forms_of_pubnub(void **state)
{
	struct fixture *fixture = *state;
	char path[33100];
	long status = 0;
	int start = snprintf(path, sizeof(path), "/publish/%s/%s/0/ch/0/%%22",
		fixture->peer.identity.publish_key, fixture->peer.identity.subscribe_key);

	(void)snprintf(path + start, sizeof(path) - (size_t)start, "%033000d", 0);
	path[33050] = '\0';
	CLEANUP(free) char *too_large = call(fixture, path, NULL, &status);

	assert_int_equal(status, 400);
	assert_memory_equal(too_large, "[0,\"Message Too Large\",\"", 24);
	path[start] = '\0';
	CLEANUP(free) char *no_json = call(fixture, path, NULL, &status);

	assert_memory_equal(no_json, "[0,\"Invalid JSON\",\"", 19);
	CLEANUP(free) char *wrong_key = call(fixture, "/v2/subscribe/sub-x/ch/0", NULL, &status);

	assert_int_equal(status, 400);
	assert_non_null(strstr(wrong_key, "Invalid Subscribe Key"));
	CLEANUP(free) char *unknown = call(fixture, "/v3/what", NULL, &status);

	assert_int_equal(status, 404);
	assert_non_null(unknown);
}

static void time_is_an_array_with_one_number(void **state)
{
	long status = 0;
	CLEANUP(free) char *text = call(*state, "/time/0", NULL, &status);
	CLEANUP(json) json_t *value = json_parse(bytes_of_text(text));

	assert_int_equal(status, 200);
	assert_true(json_integer_value(json_array_get(value, 0)) > 10000000000000000);
}

/* --- registration --- */

static struct appliance *start_appliance(struct fixture *fixture, const char *ca_name,
	const char *key_name, const char *product, X509 **ca, EVP_PKEY **key)
{
	*ca = vector_cert("keys", ca_name);
	*key = vector_key("keys", key_name);
	const struct appliance_settings settings = {
		.directory = fixture->path, .ca = *ca, .ca_key = *key, .product = product
	};

	return appliance_start(&settings);
}

static void unknown_ca_is_refused_until_it_is_known(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(x509) X509 *ca = NULL;
	CLEANUP(pkey) EVP_PKEY *key = NULL;

	assert_null(start_appliance(fixture, "hsmca_ec.pem", "hsmca_ec.key", NULL, &ca, &key));
	assert_true(standin_add_ca(fixture->path, ca));
	const struct appliance_settings settings = {
		.directory = fixture->path, .ca = ca, .ca_key = key
	};
	struct appliance *appliance = appliance_start(&settings);

	assert_non_null(appliance);
	appliance_stop(appliance);
}

static void expired_or_malformed_registration_is_refused_with_a_message(void **state)
{
	static const char *const bodies[] = { "null", "{}", "[1]", "not json", "{\"serial\":1}" };
	struct fixture *fixture = *state;
	CLEANUP(x509) X509 *ca = vector_cert("keys", "hsmca_ec.pem");
	size_t len = 0;
	long status = 0;
	CLEANUP(free) char *recorded = vector_text("run_ec", "01_register_request.json", &len);

	assert_true(standin_add_ca(fixture->path, ca));
	CLEANUP(free)
	char *expired = call(fixture, "/api/public/getiotconnectiondata", recorded, &status);

	assert_memory_equal(expired, "{\"success\":false,\"message\":", 27);
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		CLEANUP(free)
		char *reply = call(fixture, "/api/public/getiotconnectiondata", bodies[i], &status);

		assert_memory_equal(reply, "{\"success\":false,\"message\":", 27);
	}
}

/* --- jobs --- */

static json_t *recorded_request(const char *run, const char *name)
{
	CLEANUP(json) json_t *content = vector_json(run, name);

	return json_incref(json_object_get(content, "request"));
}

static void check_job(struct standin_driver *driver, const char *signtype, json_t *request)
{
	const struct standin_order order = standin_order_default(signtype, request);
	struct standin_result result;

	standin_job(driver, &order, &result);
	assert_string_equal(result.cause, "");
	assert_true(result.verified);
	assert_int_equal(result.offers, 1);
	standin_result_reset(&result);
}

static void check_all_jobs(struct fixture *fixture, const char *ca_name, const char *key_name)
{
	static const struct {
		const char *signtype;
		const char *name;
	} jobs[] = { { "csr", "12_csr_request_plain.json" }, { "crl", "22_crl_request_plain.json" },
		{ "cms", "42_cms_request_plain.json" } };
	CLEANUP(x509) X509 *known = vector_cert("keys", ca_name);
	CLEANUP(x509) X509 *ca = NULL;
	CLEANUP(pkey) EVP_PKEY *key = NULL;

	assert_true(standin_add_ca(fixture->path, known));
	struct appliance *appliance = start_appliance(fixture, ca_name, key_name, NULL, &ca, &key);
	struct standin_driver *driver = standin_driver_open(fixture->path, ca);

	assert_non_null(appliance);
	assert_non_null(driver);
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		CLEANUP(json) json_t *request = recorded_request("run_ec", jobs[i].name);

		check_job(driver, jobs[i].signtype, request);
	}
	standin_driver_close(driver);
	appliance_stop(appliance);
}

static void every_job_of_an_rsa_ca_is_answered_and_verified(void **state)
{
	check_all_jobs(*state, "hsmca_rsa.pem", "hsmca_rsa.key");
}

static void every_job_of_an_ec_ca_is_answered_and_verified(void **state)
{
	check_all_jobs(*state, "hsmca_ec.pem", "hsmca_ec.key");
}

static json_t *recorded_options(const char *name)
{
	char file[64];
	size_t len = 0;
	CLEANUP(free) char *csr = vector_text("keys", "leaf.csr", &len);

	(void)snprintf(file, sizeof(file), "%s.options.json", name);
	return json_pack("{s:s, s:o}", "csr", csr, "options", vector_json("ext", file));
}

static void every_option_of_a_certificate_is_answered_and_verified(void **state)
{
	static const char *const names[] = { "all", "none", "nullsubject", "space2" };
	struct fixture *fixture = *state;
	CLEANUP(x509) X509 *known = vector_cert("keys", "hsmca_rsa.pem");
	CLEANUP(x509) X509 *ca = NULL;
	CLEANUP(pkey) EVP_PKEY *key = NULL;

	assert_true(standin_add_ca(fixture->path, known));
	struct appliance *appliance =
		start_appliance(fixture, "hsmca_rsa.pem", "hsmca_rsa.key", NULL, &ca, &key);
	struct standin_driver *driver = standin_driver_open(fixture->path, ca);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP(json) json_t *request = recorded_options(names[i]);

		check_job(driver, "csr", request);
	}
	standin_driver_close(driver);
	appliance_stop(appliance);
}

static void wrong_product_is_answered_but_not_verified(void **state)
{
	struct fixture *fixture = *state;
	size_t len = 0;
	CLEANUP(x509) X509 *known = vector_cert("keys", "hsmca_rsa.pem");
	CLEANUP(x509) X509 *ca = NULL;
	CLEANUP(pkey) EVP_PKEY *key = NULL;
	CLEANUP(free) char *product = vector_text("ext", "none.pem", &len);
	CLEANUP(json) json_t *request = recorded_request("run_ec", "12_csr_request_plain.json");
	struct standin_order order = standin_order_default("csr", request);
	struct standin_result result;

	assert_true(standin_add_ca(fixture->path, known));
	struct appliance *appliance =
		start_appliance(fixture, "hsmca_rsa.pem", "hsmca_rsa.key", product, &ca, &key);
	struct standin_driver *driver = standin_driver_open(fixture->path, ca);

	standin_job(driver, &order, &result);
	assert_true(result.success);
	assert_false(result.verified);
	assert_string_equal(result.cause, "certificate: not the wanted digest");
	standin_result_reset(&result);
	standin_driver_close(driver);
	appliance_stop(appliance);
}

static void failed_job_is_answered_with_its_cause(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(x509) X509 *known = vector_cert("keys", "hsmca_ec.pem");
	CLEANUP(x509) X509 *ca = NULL;
	CLEANUP(pkey) EVP_PKEY *key = NULL;
	CLEANUP(json) json_t *request = json_pack("{s:s}", "csr", "no csr");
	struct standin_order order = standin_order_default("csr", request);
	struct standin_result result;

	assert_true(standin_add_ca(fixture->path, known));
	struct appliance *appliance =
		start_appliance(fixture, "hsmca_ec.pem", "hsmca_ec.key", NULL, &ca, &key);
	struct standin_driver *driver = standin_driver_open(fixture->path, ca);

	standin_job(driver, &order, &result);
	assert_true(result.answered);
	assert_false(result.success);
	assert_string_not_equal(result.cause, "");
	standin_result_reset(&result);
	standin_driver_close(driver);
	appliance_stop(appliance);
}

static void job_without_an_appliance_is_lost_at_its_deadline(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(x509) X509 *ca = vector_cert("keys", "hsmca_ec.pem");
	CLEANUP(json) json_t *request = json_object();
	struct standin_order order = standin_order_default("csr", request);
	struct standin_driver *driver = standin_driver_open(fixture->path, ca);
	struct standin_result result;

	order.offer_ms = 200;
	order.attempts = 2;
	standin_job(driver, &order, &result);
	assert_false(result.answered);
	assert_string_equal(result.cause, "no appliance offered");
	standin_result_reset(&result);
	standin_driver_close(driver);
}

static void burst_of_sixty_jobs_is_answered_completely(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(x509) X509 *known = vector_cert("keys", "hsmca_ec.pem");
	CLEANUP(x509) X509 *ca = NULL;
	CLEANUP(pkey) EVP_PKEY *key = NULL;
	CLEANUP(json) json_t *request = recorded_request("run_ec", "12_csr_request_plain.json");
	struct standin_order order = standin_order_default("csr", request);
	struct standin_figures figures;

	order.offer_ms = 30000;
	assert_true(standin_add_ca(fixture->path, known));
	struct appliance *appliance =
		start_appliance(fixture, "hsmca_ec.pem", "hsmca_ec.key", NULL, &ca, &key);
	struct standin_driver *driver = standin_driver_open(fixture->path, ca);

	assert_true(standin_load(driver, &order, 60, 60, &figures));
	assert_int_equal(figures.answered, 60);
	assert_int_equal(figures.verified, 60);
	standin_driver_close(driver);
	appliance_stop(appliance);
}

#define standin_test(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		standin_test(idle_poll_is_answered_empty_with_the_same_timetoken),
		standin_test(message_is_caught_up_by_its_timetoken),
		standin_test(client_meets_each_fault_in_turn_and_a_driver_none),
		standin_test(silence_and_reset_end_the_connection),
		standin_test(messages_come_twice_and_in_reverse_when_asked_for),
		standin_test(long_payload_goes_by_post_and_a_longer_one_is_refused),
		standin_test(recorded_publish_is_refused_only_for_its_keys),
		standin_test(errors_have_the_forms_of_pubnub),
		standin_test(time_is_an_array_with_one_number),
		standin_test(unknown_ca_is_refused_until_it_is_known),
		standin_test(expired_or_malformed_registration_is_refused_with_a_message),
		standin_test(every_job_of_an_rsa_ca_is_answered_and_verified),
		standin_test(every_job_of_an_ec_ca_is_answered_and_verified),
		standin_test(every_option_of_a_certificate_is_answered_and_verified),
		standin_test(wrong_product_is_answered_but_not_verified),
		standin_test(failed_job_is_answered_with_its_cause),
		standin_test(job_without_an_appliance_is_lost_at_its_deadline),
		standin_test(burst_of_sixty_jobs_is_answered_completely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
