/* SPDX-License-Identifier: Apache-2.0 */
/* iothsm-bridge: connects the CA keys of the tokens with the PKIaaS.io platform. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "bridge.h"
#include "cleanup.h"
#include "control.h"
#include "json.h"
#include "log.h"
#include "metrics.h"
#include "notify.h"
#include "scrape.h"
#include "secret.h"

enum { POLL_MS = 10 * 1000, ARENAS_MAX = 1, EXIT_USAGE = 2 };

/* What the main loop serves. */
struct service {
	struct bridge *bridge;
	int signals;
	bool stop;
};

static json_t *answer_status(struct service *service)
{
	json_t *status = bridge_status(service->bridge);

	return control_reply(status != NULL, status ? "" : "out of memory", status);
}

static json_t *answer_reload(struct service *service)
{
	bridge_reload(service->bridge);
	return control_reply(true, "reload has begun", NULL);
}

static json_t *answer_stop(struct service *service)
{
	service->stop = true;
	return control_reply(true, "stopping", NULL);
}

static json_t *answer(void *context, const json_t *request)
{
	static const struct {
		const char *op;
		json_t *(*answer)(struct service *service);
	} operations[] = {
		{ "status", answer_status },
		{ "reload", answer_reload },
		{ "stop", answer_stop },
	};
	const char *op = json_text(request, "op");

	for (size_t i = 0; op && i < ARRAY_LEN(operations); i++) {
		if (strcmp(op, operations[i].op) == 0)
			return operations[i].answer(context);
	}
	return control_reply(false, "unknown op; there are status, reload and stop", NULL);
}

/* Blocked in every thread, so that they arrive here only. */
static int open_signals(void)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0)
		return -1;
	(void)signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void take_signal(struct service *service, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		bridge_reload(service->bridge);
	else
		service->stop = true;
}

static char *answer_scrape(void *context)
{
	struct service *service = context;

	return metrics_text(service->bridge);
}

static void serve(struct service *service, struct control *control, struct scrape *scrape)
{
	while (!service->stop) {
		struct pollfd fds[1 + CONTROL_CLIENTS_MAX + 1 + SCRAPE_CLIENTS_MAX + 1];
		size_t asking = control_prepare(control, fds + 1);
		size_t scraping = scrape_prepare(scrape, fds + 1 + asking);

		fds[0] = (struct pollfd){ service->signals, POLLIN, 0 };
		if (poll(fds, 1 + asking + scraping, POLL_MS) < 0) {
			if (errno == EINTR)
				continue;
			log_error("main: poll failed error=\"%m\"");
			return;
		}
		if (fds[0].revents)
			take_signal(service, service->signals);
		control_handle(control, fds + 1, asking);
		scrape_handle(scrape, fds + 1 + asking, scraping);
	}
}

static int run(const struct config *config, int signals)
{
	struct service service = { .signals = signals };
	struct control *control = control_open(config->control, answer, &service);
	struct scrape *scrape =
		control && config->metrics
			? scrape_open(config->metrics, METRICS_TYPE, answer_scrape, &service)
			: NULL;

	if (!control || (config->metrics && !scrape) ||
		bridge_start(config, &service.bridge) != CKR_OK) {
		scrape_close(scrape);
		control_close(control);
		return EXIT_FAILURE;
	}
	notify_send("READY=1");
	serve(&service, control, scrape);
	notify_send("STOPPING=1");
	scrape_close(scrape);
	control_close(control);
	bridge_stop(service.bridge);
	return EXIT_SUCCESS;
}

static void usage(FILE *out)
{
	(void)fprintf(out, "usage: iothsm-bridge [-c FILE] [-h] [-V]\n"
			   "Connects the CA keys of PKCS#11 tokens with the PKIaaS.io platform.\n"
			   "  -c FILE  configuration, default " BRIDGE_CONFIG_DEFAULT "\n"
			   "  -h       this text\n"
			   "  -V       version\n");
}

/* What the platform sent, keys of the subscription among it, lives in these blocks. */
static void free_wiped(void *block)
{
	if (block)
		explicit_bzero(block, malloc_usable_size(block));
	free(block);
}

int main(int argc, char **argv)
{
	const char *path = BRIDGE_CONFIG_DEFAULT;
	struct config config = { 0 };
	int option;

	while ((option = getopt(argc, argv, "c:hV")) != -1) {
		switch (option) {
		case 'c': path = optarg; break;
		case 'h': usage(stdout); return EXIT_SUCCESS;
		case 'V': (void)printf("iothsm-bridge %s\n", IOTHSM_VERSION); return EXIT_SUCCESS;
		default: usage(stderr); return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	secret_harden_process();
	/* Many threads allocate a little: several arenas would only spread it over memory. */
	(void)mallopt(M_ARENA_MAX, ARENAS_MAX);
	json_set_alloc_funcs(malloc, free_wiped);
	int signals = open_signals();
	int status = EXIT_FAILURE;

	if (signals >= 0 && config_load(path, &config) == CKR_OK)
		status = run(&config, signals);
	config_reset(&config);
	return status;
}
