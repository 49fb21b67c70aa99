/* SPDX-License-Identifier: Apache-2.0 */
/* Provisioning certificates from outside: parsing, and all that is read of an accepted one. */
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "key.h"
#include "log.h"
#include "template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_of(data, size);
	CLEANUP(x509) X509 *template = NULL;
	CLEANUP(x509_stack) STACK_OF(X509) *bundle = certificate_parse_bundle(key_library(), input);
	char text[64];

	log_set_level(LOG_LEVEL_ERROR);
	if (bundle && (sk_X509_num(bundle) < 1 || sk_X509_num(bundle) > CERTIFICATE_BUNDLE_MAX))
		abort();
	if (template_parse(input, &template) != CKR_OK)
		return 0;
	STACK_OF(X509_EXTENSION) *extensions = template_extensions(template);

	if (!extensions || certificate_is_temporary(template))
		abort();
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	(void)template_digest(template);
	(void)certificate_serial_hex(template, text);
	(void)certificate_thumbprint(template, text);
	return 0;
}
