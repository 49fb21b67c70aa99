/* SPDX-License-Identifier: Apache-2.0 */
/* The CAs the stand-in knows: every PEM file of a directory, read again at each look-up. */
#include "registry.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>

#include "certificate.h"
#include "cleanup.h"
#include "file.h"
#include "log.h"

static bool is_pem_name(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".pem") == 0;
}

static X509 *read_cert(const char *directory, const char *name)
{
	char path[PATH_MAX];
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	CLEANUP(free) char *text = file_read(path, CERTIFICATE_INPUT_MAX, &len);

	return text ? certificate_parse(NULL, bytes_of(text, len)) : NULL;
}

static bool is_ca(const X509 *cert, const char *serial, const char *thumbprint)
{
	char own_serial[64];
	char own_thumbprint[41];

	return certificate_serial_hex(cert, own_serial) &&
	       certificate_thumbprint(cert, own_thumbprint) && strcmp(own_serial, serial) == 0 &&
	       strcmp(own_thumbprint, thumbprint) == 0;
}

X509 *registry_find(const char *directory, const char *serial, const char *thumbprint)
{
	X509 *found = NULL;
	DIR *entries = opendir(directory);

	if (!entries) {
		log_warn("standin: cannot read the known CAs directory=%s error=%m", directory);
		return NULL;
	}
	for (struct dirent *entry = readdir(entries); entry && !found; entry = readdir(entries)) {
		CLEANUP(x509)
		X509 *cert =
			is_pem_name(entry->d_name) ? read_cert(directory, entry->d_name) : NULL;

		if (cert && is_ca(cert, serial, thumbprint))
			found = steal(&cert);
	}
	(void)closedir(entries);
	return found;
}

bool registry_add(const char *directory, X509 *ca)
{
	char path[PATH_MAX];
	char thumbprint[41];
	CLEANUP(free) char *pem = certificate_pem(ca);

	if (!pem || !certificate_thumbprint(ca, thumbprint))
		return false;
	(void)snprintf(path, sizeof(path), "%s/%s.pem", directory, thumbprint);
	return file_replace(path, bytes_of_text(pem), 0644);
}

void registry_channel(char out[REGISTRY_CHANNEL_SIZE], const char *thumbprint)
{
	(void)snprintf(out, REGISTRY_CHANNEL_SIZE, "chan-%.40s", thumbprint);
}
