/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets of the operator: from a file, a descriptor, or the terminal without echo; never from
 * argv. */
#include "cli_pin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli_error.h"

bool cli_pin_is_given(const struct cli_secret_source *source)
{
	return source->file || source->fd;
}

/* Reads up to the end of the line or file, byte by byte so that nothing behind the line is taken.
 */
static bool line_read(int fd, struct secret *line)
{
	secret_wipe(line);
	for (;;) {
		uint8_t byte;
		ssize_t got = read(fd, &byte, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0 || byte == '\n')
			break;
		if (line->len == sizeof(line->data)) {
			errno = EFBIG;
			return false;
		}
		line->data[line->len++] = byte;
	}
	if (line->len > 0 && line->data[line->len - 1] == '\r')
		line->len--;
	line->present = true;
	return true;
}

static CK_RV source_read_fd(struct cli *cli, const char *text, struct secret *pin)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (end == text || *end || fd < 0 || fd > 65535)
		return cli_refuse(
			cli, CLI_USAGE, "client: '%s' is no file descriptor number", text);
	if (!line_read((int)fd, pin))
		return cli_refuse(cli, CLI_INPUT,
			"client: cannot read a PIN from descriptor %ld: %s", fd, strerror(errno));
	return CKR_OK;
}

static CK_RV source_read(
	struct cli *cli, const struct cli_secret_source *source, struct secret *pin)
{
	if (source->fd)
		TRY(source_read_fd(cli, source->fd, pin));
	else if (!secret_read_file(pin, source->file))
		return cli_refuse(cli, CLI_INPUT, "client: cannot read %s: %s", source->file,
			strerror(errno));
	if (pin->len == 0)
		return cli_refuse(cli, CLI_INPUT, "client: %s holds no PIN on its first line",
			source->fd ? "the descriptor" : source->file);
	return CKR_OK;
}

/* Waits for a line; a signal that would end us ends the wait, and is delivered when the mask is
 * restored. */
static bool terminal_wait(int terminal, const sigset_t *signals)
{
	CLEANUP(fd) int ended = signalfd(-1, signals, SFD_CLOEXEC);
	struct pollfd wait[] = { { .fd = terminal, .events = POLLIN },
		{ .fd = ended, .events = POLLIN } };

	if (ended < 0 || poll(wait, ARRAY_LEN(wait), -1) < 0)
		return false;
	errno = EINTR;
	return wait[1].revents == 0;
}

static bool terminal_ask(int terminal, const char *prompt, bool echo, struct secret *answer)
{
	struct termios before, quiet;
	sigset_t signals, mask;
	bool read_it;

	if (tcgetattr(terminal, &before) != 0)
		return false;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGQUIT);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &signals, &mask);
	if (!echo && tcsetattr(terminal, TCSAFLUSH, &quiet) != 0)
		return false;
	(void)dprintf(terminal, "%s: ", prompt);
	read_it = terminal_wait(terminal, &signals) && line_read(terminal, answer);
	(void)tcsetattr(terminal, TCSAFLUSH, &before);
	if (!echo)
		(void)dprintf(terminal, "\n");
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	return read_it;
}

static CK_RV terminal_read(struct cli *cli, const char *prompt, bool echo, struct secret *answer)
{
	CLEANUP(fd) int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (terminal < 0)
		return cli_refuse(cli, CLI_USAGE,
			"client: there is no terminal to ask for \"%s\"; use the option for a file "
			"or "
			"descriptor (see iothsm help)",
			prompt);
	if (!terminal_ask(terminal, prompt, echo, answer))
		return cli_refuse(cli, CLI_FAILURE, "client: cannot read from the terminal: %s",
			strerror(errno));
	return CKR_OK;
}

CK_RV cli_pin_read(struct cli *cli, const struct cli_secret_source *source, const char *prompt,
	struct secret *pin)
{
	if (cli_pin_is_given(source))
		return source_read(cli, source, pin);
	TRY(terminal_read(cli, prompt, false, pin));
	if (pin->len == 0)
		return cli_refuse(cli, CLI_PIN, "client: nothing was entered");
	return CKR_OK;
}

CK_RV cli_pin_read_new(struct cli *cli, const struct cli_secret_source *source, const char *prompt,
	struct secret *pin)
{
	CLEANUP(pin) struct secret again = { 0 };

	TRY(cli_pin_read(cli, source, prompt, pin));
	if (cli_pin_is_given(source))
		return CKR_OK;
	TRY(cli_pin_read(cli, source, "Once more", &again));
	if (!secret_equal(pin, secret_bytes(&again)))
		return cli_refuse(
			cli, CLI_PIN, "client: the two entries differ; nothing was changed");
	return CKR_OK;
}

CK_RV cli_pin_confirm(struct cli *cli, const char *question)
{
	CLEANUP(pin) struct secret answer = { 0 };

	if (cli->options.yes)
		return CKR_OK;
	TRY(terminal_read(cli, question, true, &answer));
	if (!secret_equal(&answer, bytes_of_text("yes")))
		return cli_refuse(cli, CLI_REFUSED, "client: not confirmed; nothing was changed");
	return CKR_OK;
}
