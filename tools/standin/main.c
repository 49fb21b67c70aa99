/* SPDX-License-Identifier: Apache-2.0 */
/* iothsm-standin: serves the stand-in until it is told to end, or drives jobs against a running
 * one. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "command.h"
#include "file.h"
#include "log.h"

enum { MAIN_CAS_MAX = 64 };

static const char usage[] =
	"usage: iothsm-standin --dir DIR [--port N] [--ca FILE]...\n"
	"       iothsm-standin drive JOB --dir DIR --ca FILE [option]...\n"
	"\n"
	"The first form serves platform and PubNub on https://127.0.0.1 until SIGTERM or SIGINT. "
	"DIR/url is\n"
	"written when it is ready; DIR/platform_ca.pem and DIR/tls_ca.pem are the anchors an "
	"appliance needs;\n"
	"every PEM certificate in DIR/cas is a known CA.\n"
	"\n"
	"The second form sends one job to the appliance of a CA and checks the answer:\n"
	"  csr   --csr FILE [--options FILE]          certificate\n"
	"  crl   --database FILE [--days N]           revocation list, delivered by HTTPS\n"
	"  cms   --data TEXT [--options FILE]         signed CMS message\n"
	"  load  [--count N] [--parallel N] [--csr FILE] [--options FILE]\n"
	"                                             many csr jobs; prints figures\n"
	"  fault --at PLACE [--fault KIND] [--count N] [--for MS]\n"
	"                                             see iothsm-standin(1)\n"
	"  --out FILE        writes the product there (default: standard output)\n"
	"  --wait SECONDS    how long to wait for an appliance to appear (default 30)\n"
	"\n"
	"Ends with 0 when every answer was right, 1 when not, 2 on wrong use.\n";

struct serve_options {
	struct standin_settings settings;
	const char *cas[MAIN_CAS_MAX];
	size_t ca_count;
};

static bool parse_port(const char *text, uint16_t *port)
{
	char *end = NULL;
	unsigned long value = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || value > UINT16_MAX)
		return false;
	*port = (uint16_t)value;
	return true;
}

static bool parse_serve(int argc, char **argv, struct serve_options *options)
{
	static const struct option long_options[] = { { "dir", required_argument, NULL, 'd' },
		{ "port", required_argument, NULL, 'p' }, { "ca", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 } };
	int option = 0;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'd')
			options->settings.directory = optarg;
		else if (option == 'c' && options->ca_count < MAIN_CAS_MAX)
			options->cas[options->ca_count++] = optarg;
		else if (option != 'p' || !parse_port(optarg, &options->settings.port))
			return false;
	}
	return options->settings.directory && optind == argc;
}

static bool add_ca_file(const char *directory, const char *path)
{
	CLEANUP(x509) X509 *ca = command_read_cert(path);

	if (ca && standin_add_ca(directory, ca))
		return true;
	log_error("standin: cannot make a CA known file=%s", path);
	return false;
}

static bool add_cas(const struct serve_options *options)
{
	for (size_t i = 0; i < options->ca_count; i++) {
		if (!add_ca_file(options->settings.directory, options->cas[i]))
			return false;
	}
	return true;
}

/* The signals are blocked before the server's thread is made, so that only this one takes them. */
static int serve(int argc, char **argv)
{
	struct serve_options options = { 0 };
	sigset_t ends;
	int signal_number = 0;

	if (!parse_serve(argc, argv, &options)) {
		(void)fputs(usage, stderr);
		return COMMAND_USAGE;
	}
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &ends, NULL) != 0 ||
		!file_make_directory(options.settings.directory, 0755) || !add_cas(&options))
		return COMMAND_FAILED;
	struct standin *standin = standin_start(&options.settings);

	if (!standin)
		return COMMAND_FAILED;
	log_info("standin: serves url=%s directory=%s", standin_url(standin),
		options.settings.directory);
	(void)sigwait(&ends, &signal_number);
	standin_stop(standin);
	return COMMAND_OK;
}

int main(int argc, char **argv)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage, stdout);
		return COMMAND_OK;
	}
	if (argc < 2 || strcmp(argv[1], "drive") != 0)
		return serve(argc, argv);
	int status = command_drive(argc - 1, argv + 1);

	if (status == COMMAND_USAGE)
		(void)fputs(usage, stderr);
	return status;
}
