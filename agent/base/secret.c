/* SPDX-License-Identifier: Apache-2.0 */
/* A secret of bounded length in locked memory that no core dump shows, wiped when it is freed. */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

bool secret_set(struct secret *secret, struct bytes value)
{
	secret_wipe(secret);
	if (value.len > sizeof(secret->data))
		return false;
	if (value.len > 0)
		memcpy(secret->data, value.data, value.len);
	secret->len = value.len;
	secret->present = true;
	return true;
}

bool secret_equal(const struct secret *secret, struct bytes value)
{
	return secret->present && secret->len == value.len &&
	       CRYPTO_memcmp(secret->data, value.data, value.len) == 0;
}

void secret_wipe(struct secret *secret)
{
	explicit_bzero(secret, sizeof(*secret));
}

static ssize_t read_up_to(int fd, uint8_t *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = read(fd, data + done, len - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

bool secret_read_file(struct secret *secret, const char *path)
{
	uint8_t line[SECRET_MAX + 2];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return false;
	ssize_t len = read_up_to(fd, line, sizeof(line));
	int failure = errno;

	(void)close(fd);
	if (len < 0) {
		errno = failure;
		return false;
	}
	const uint8_t *end = memchr(line, '\n', (size_t)len);
	size_t used = end ? (size_t)(end - line) : (size_t)len;

	if (used > 0 && line[used - 1] == '\r')
		used--;
	bool fits = secret_set(secret, bytes_of(line, used));

	explicit_bzero(line, sizeof(line));
	errno = fits ? 0 : EFBIG;
	return fits;
}

void secret_harden_process(void)
{
	struct rlimit none = { 0, 0 };

	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
}
