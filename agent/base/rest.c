/* SPDX-License-Identifier: Apache-2.0 */
/* HTTPS requests by libcurl with bounded replies and deadlines. */
#include "rest.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <curl/curl.h>

#include "cleanup.h"

enum {
	REST_CONNECT_TIMEOUT_MS = 10 * 1000,
	REST_POLL_MS = 1000,
	REST_CONNECTIONS_MAX = 4,
	REST_BODY_FIRST_BYTES = 4096,
};

struct rest {
	CURLM *multi;
	CURL *easy;
	char *tls_ca;
};

/* What a transaction collects. */
struct transfer {
	const struct rest_request *request;
	char *body;
	size_t len;
	size_t room;
	bool too_large;
	bool quiet;
	struct timespec start;
	char error[CURL_ERROR_SIZE];
};

static pthread_once_t rest_once = PTHREAD_ONCE_INIT;
static bool rest_ready;

static void init_curl(void)
{
	rest_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

struct rest *rest_new(const char *tls_ca)
{
	(void)pthread_once(&rest_once, init_curl);
	struct rest *rest = rest_ready ? calloc(1, sizeof(*rest)) : NULL;

	if (!rest)
		return NULL;
	rest->multi = curl_multi_init();
	rest->easy = curl_easy_init();
	rest->tls_ca = tls_ca ? strdup(tls_ca) : NULL;
	if (!rest->multi || !rest->easy || (tls_ca && !rest->tls_ca)) {
		rest_free(rest);
		return NULL;
	}
	(void)curl_multi_setopt(rest->multi, CURLMOPT_MAXCONNECTS, (long)REST_CONNECTIONS_MAX);
	return rest;
}

void rest_free(struct rest *rest)
{
	if (!rest)
		return;
	curl_easy_cleanup(rest->easy);
	(void)curl_multi_cleanup(rest->multi);
	free(rest->tls_ca);
	free(rest);
}

void rest_wake(struct rest *rest)
{
	(void)curl_multi_wakeup(rest->multi);
}

static bool grow(struct transfer *transfer, size_t needed)
{
	size_t room = transfer->room ? transfer->room : REST_BODY_FIRST_BYTES;

	while (room < needed)
		room *= 2;
	if (room == transfer->room)
		return true;
	char *body = realloc(transfer->body, room);

	if (!body)
		return false;
	transfer->body = body;
	transfer->room = room;
	return true;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	size_t len = size * count;

	if (len > transfer->request->reply_max - transfer->len) {
		transfer->too_large = true;
		return CURL_WRITEFUNC_ERROR;
	}
	if (!grow(transfer, transfer->len + len + 1))
		return CURL_WRITEFUNC_ERROR;
	memcpy(transfer->body + transfer->len, data, len);
	transfer->len += len;
	return len;
}

static void set_method(CURL *easy, const struct rest_request *request)
{
	if (request->body.data) {
		(void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
		(void)curl_easy_setopt(
			easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
		(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (const char *)request->body.data);
	}
	if (request->method)
		(void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_limits(CURL *easy, const struct rest_request *request)
{
	long connect_ms = request->timeout_ms < REST_CONNECT_TIMEOUT_MS ? request->timeout_ms
									: REST_CONNECT_TIMEOUT_MS;

	(void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, request->timeout_ms);
	(void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
	(void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "iothsm/" IOTHSM_VERSION);
}

static bool set_headers(CURL *easy, const struct rest_request *request, struct curl_slist **headers)
{
	/* No wait for "100 Continue": it costs a second where a server does not know it. */
	*headers = curl_slist_append(NULL, "Expect:");
	for (size_t i = 0; *headers && request->headers && request->headers[i]; i++) {
		struct curl_slist *longer = curl_slist_append(*headers, request->headers[i]);

		if (!longer)
			curl_slist_free_all(*headers);
		*headers = longer;
	}
	if (!*headers)
		return false;
	return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers) == CURLE_OK;
}

static void prepare(struct rest *rest, struct transfer *transfer)
{
	CURL *easy = rest->easy;

	curl_easy_reset(easy);
	(void)curl_easy_setopt(easy, CURLOPT_URL, transfer->request->url);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	if (rest->tls_ca) {
		(void)curl_easy_setopt(easy, CURLOPT_CAINFO, rest->tls_ca);
		(void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	set_limits(easy, transfer->request);
	set_method(easy, transfer->request);
}

static bool is_cancelled(const struct rest_request *request)
{
	return request->cancel && atomic_load(request->cancel);
}

/* A server may send the headers early and then think: only the body is a sign of life. */
static bool is_too_quiet(struct transfer *transfer)
{
	struct timespec now;

	if (transfer->request->quiet_ms <= 0 || transfer->len > 0)
		return false;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	long waited_ms = (now.tv_sec - transfer->start.tv_sec) * 1000 +
			 (now.tv_nsec - transfer->start.tv_nsec) / 1000000;

	transfer->quiet = waited_ms >= transfer->request->quiet_ms;
	return transfer->quiet;
}

/* Until the transaction ends by itself, is cancelled or too quiet; its timeout is libcurl's. */
static CURLcode drive(struct rest *rest, struct transfer *transfer)
{
	int running = 1;

	(void)clock_gettime(CLOCK_MONOTONIC, &transfer->start);
	while (!is_cancelled(transfer->request) && !is_too_quiet(transfer)) {
		if (curl_multi_perform(rest->multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (running == 0)
			break;
		if (curl_multi_poll(rest->multi, NULL, 0, REST_POLL_MS, NULL) != CURLM_OK)
			return CURLE_FAILED_INIT;
	}
	int left = 0;
	CURLMsg *message = curl_multi_info_read(rest->multi, &left);

	if (!message || message->msg != CURLMSG_DONE)
		return CURLE_ABORTED_BY_CALLBACK;
	return message->data.result;
}

static void describe_failure(const struct transfer *transfer, CURLcode code, char error[256])
{
	const char *text = transfer->error[0] ? transfer->error : curl_easy_strerror(code);

	if (is_cancelled(transfer->request))
		text = "cancelled";
	if (transfer->quiet)
		text = "no reply in time";
	if (transfer->too_large)
		(void)snprintf(
			error, 256, "reply larger than %zu bytes", transfer->request->reply_max);
	else
		(void)snprintf(error, 256, "%s", text);
}

static void read_headers(CURL *easy, struct rest_reply *reply)
{
	char *type = NULL;
	struct curl_header *date = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply->status);
	if (curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type)
		(void)snprintf(reply->content_type, sizeof(reply->content_type), "%s", type);
	if (curl_easy_header(easy, "Date", 0, CURLH_HEADER, -1, &date) == CURLHE_OK)
		(void)snprintf(reply->date, sizeof(reply->date), "%s", date->value);
}

static CK_RV finish(
	struct rest *rest, struct transfer *transfer, CURLcode code, struct rest_reply *reply)
{
	if (code == CURLE_OK && !grow(transfer, transfer->len + 1))
		code = CURLE_OUT_OF_MEMORY;
	if (code != CURLE_OK) {
		describe_failure(transfer, code, reply->error);
		reply->quiet = transfer->quiet;
		free(transfer->body);
		return CKR_DEVICE_ERROR;
	}
	read_headers(rest->easy, reply);
	transfer->body[transfer->len] = '\0';
	reply->body = transfer->body;
	reply->len = transfer->len;
	return CKR_OK;
}

CK_RV rest_send(struct rest *rest, const struct rest_request *request, struct rest_reply *reply)
{
	struct transfer transfer = { .request = request };
	struct curl_slist *headers = NULL;
	CURLcode code = CURLE_OUT_OF_MEMORY;

	*reply = (struct rest_reply){ 0 };
	prepare(rest, &transfer);
	if (set_headers(rest->easy, request, &headers) &&
		curl_multi_add_handle(rest->multi, rest->easy) == CURLM_OK) {
		code = drive(rest, &transfer);
		(void)curl_multi_remove_handle(rest->multi, rest->easy);
	}
	CK_RV rv = finish(rest, &transfer, code, reply);

	curl_slist_free_all(headers);
	/* The handle must not keep pointers into this frame. */
	curl_easy_reset(rest->easy);
	return rv;
}

void rest_reply_reset(struct rest_reply *reply)
{
	/* A reply may be an access token. */
	if (reply->body)
		explicit_bzero(reply->body, reply->len);
	free(reply->body);
	*reply = (struct rest_reply){ 0 };
}

char *rest_escape(struct bytes text)
{
	static const char hex[] = "0123456789ABCDEF";
	char *escaped = text.len < SIZE_MAX / 4 ? malloc(3 * text.len + 1) : NULL;
	char *out = escaped;

	for (size_t i = 0; escaped && i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c < 0x80 && (isalnum(c) || strchr("-._", c)) && c != '\0') {
			*out++ = (char)c;
			continue;
		}
		*out++ = '%';
		*out++ = hex[c >> 4];
		*out++ = hex[c & 15];
	}
	if (escaped)
		*out = '\0';
	return escaped;
}
