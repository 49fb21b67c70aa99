/* SPDX-License-Identifier: Apache-2.0 */
/* The subject of a certificate for people. */
#include "subject.h"

#include "cleanup.h"

void subject_write(const X509 *cert, char out[SUBJECT_MAX])
{
	CLEANUP(bio) BIO *bio = BIO_new(BIO_s_mem());
	int len = -1;

	if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
			   XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
		len = BIO_read(bio, out, SUBJECT_MAX - 1);
	if (len < 0)
		len = 0;
	/* Never end in the middle of a UTF-8 character. */
	while (len == SUBJECT_MAX - 1 && len > 0 && (out[len - 1] & 0x80))
		len--;
	out[len] = '\0';
}
