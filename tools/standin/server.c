/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the stand-in: its files, its TLS listener, its event loop in a thread. */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "log.h"
#include "registry.h"

static struct bufferevent *make_connection(struct event_base *base, void *arg)
{
	struct standin *standin = arg;
	SSL *ssl = SSL_new(standin->tls);

	if (!ssl)
		return NULL;
	struct bufferevent *connection = bufferevent_openssl_socket_new(
		base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);

	if (connection)
		bufferevent_openssl_set_allow_dirty_shutdown(connection, 1);
	return connection;
}

static bool set_up_tls(struct standin *standin)
{
	standin->tls = SSL_CTX_new(TLS_server_method());
	return standin->tls && SSL_CTX_set_min_proto_version(standin->tls, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_use_certificate(standin->tls, standin->identity.tls_cert) == 1 &&
	       SSL_CTX_use_PrivateKey(standin->tls, standin->identity.tls_key) == 1;
}

static void on_stop(evutil_socket_t fd, short events, void *base)
{
	(void)fd;
	(void)events;
	(void)event_base_loopbreak(base);
}

static bool set_up_http(struct standin *standin)
{
	standin->base = event_base_new();
	standin->http = standin->base ? evhttp_new(standin->base) : NULL;
	standin->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!standin->http || standin->stop_fd < 0)
		return false;
	standin->stop_event =
		event_new(standin->base, standin->stop_fd, EV_READ, on_stop, standin->base);
	if (!standin->stop_event || event_add(standin->stop_event, NULL) != 0)
		return false;
	evhttp_set_bevcb(standin->http, make_connection, standin);
	evhttp_set_gencb(standin->http, endpoint_dispatch, standin);
	evhttp_set_allowed_methods(standin->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
	evhttp_set_max_headers_size(standin->http, SERVER_HEADERS_MAX);
	evhttp_set_max_body_size(standin->http, SERVER_BODY_MAX);
	evhttp_set_timeout(standin->http, SERVER_IDLE_SECONDS);
	return true;
}

static bool listen_on(struct standin *standin, uint16_t port)
{
	struct evhttp_bound_socket *bound =
		evhttp_bind_socket_with_handle(standin->http, "127.0.0.1", port);
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	const int one = 1;

	/* Inherited by every connection: head and body of a reply are separate TLS records, and the
	 * second would wait for the acknowledgement of the first. */
	if (!bound || setsockopt(evhttp_bound_socket_get_fd(bound), IPPROTO_TCP, TCP_NODELAY, &one,
			      sizeof(one)) != 0)
		return false;
	if (getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &len) != 0)
		return false;
	(void)snprintf(standin->url, sizeof(standin->url), "https://127.0.0.1:%u",
		ntohs(address.sin_port));
	return true;
}

static bool set_up_directory(struct standin *standin, const char *directory)
{
	if (strlen(directory) >= sizeof(standin->directory))
		return false;
	(void)strcpy(standin->directory, directory);
	(void)snprintf(standin->ca_directory, sizeof(standin->ca_directory), "%s/cas", directory);
	return file_make_directory(standin->ca_directory, 0755) &&
	       (identity_load(&standin->identity, directory) ||
		       identity_make(&standin->identity, directory));
}

/* Written last: who sees it may connect. */
static bool announce(const struct standin *standin)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/url", standin->directory);
	return file_replace(path, bytes_of_text(standin->url), 0644);
}

static void *run(void *arg)
{
	struct standin *standin = arg;

	(void)event_base_dispatch(standin->base);
	return NULL;
}

static void standin_free(struct standin *standin)
{
	/* The polls are still held by the connections that evhttp_free() closes. */
	relay_release_waiters(standin);
	if (standin->http)
		evhttp_free(standin->http);
	if (standin->stop_event)
		event_free(standin->stop_event);
	if (standin->base)
		event_base_free(standin->base);
	if (standin->stop_fd >= 0)
		(void)close(standin->stop_fd);
	SSL_CTX_free(standin->tls);
	hub_free(standin->hub);
	faults_destroy(&standin->faults);
	delivery_reset(&standin->deliveries);
	identity_reset(&standin->identity);
	free(standin);
}

static bool set_up(struct standin *standin, const struct standin_settings *settings)
{
	standin->hold_ms = settings->hold_ms ? settings->hold_ms : SERVER_HOLD_MS;
	if (!set_up_directory(standin, settings->directory))
		return false;
	standin->hub = hub_new(standin->identity.subscribe_key);
	return standin->hub && set_up_tls(standin) && set_up_http(standin) &&
	       listen_on(standin, settings->port) &&
	       pthread_create(&standin->thread, NULL, run, standin) == 0;
}

struct standin *standin_start(const struct standin_settings *settings)
{
	struct standin *standin = calloc(1, sizeof(*standin));

	if (!standin)
		return NULL;
	standin->stop_fd = -1;
	faults_init(&standin->faults);
	if (!set_up(standin, settings)) {
		log_error("standin: cannot start directory=%s port=%u error=%m",
			settings->directory, settings->port);
		standin_free(standin);
		return NULL;
	}
	if (!announce(standin)) {
		log_error(
			"standin: cannot write its url directory=%s error=%m", settings->directory);
		standin_stop(standin);
		return NULL;
	}
	return standin;
}

void standin_stop(struct standin *standin)
{
	const uint64_t one = 1;

	if (!standin)
		return;
	if (write(standin->stop_fd, &one, sizeof(one)) != sizeof(one))
		log_error("standin: cannot wake its loop error=%m");
	(void)pthread_join(standin->thread, NULL);
	standin_free(standin);
}

const char *standin_url(const struct standin *standin)
{
	return standin->url;
}

bool standin_set_fault(struct standin *standin, const struct standin_fault *fault)
{
	return fault_set(&standin->faults, fault);
}

unsigned standin_fault_met(struct standin *standin, const char *place)
{
	return fault_met(&standin->faults, place);
}

bool standin_add_ca(const char *directory, X509 *ca)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/cas", directory);
	return file_make_directory(path, 0755) && registry_add(path, ca);
}
