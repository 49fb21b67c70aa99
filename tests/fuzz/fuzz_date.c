/* SPDX-License-Identifier: Apache-2.0 */
/* Dates of requests and of revocation databases. */
#include <stdlib.h>

#include "cleanup.h"
#include "job_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken must be a date that certificates can carry. */
static void check_option(const uint8_t *data, size_t size)
{
	static const int64_t end_s = INT64_C(253402300800); /* 10000-01-01 */
	CLEANUP(free) char *text = strndup((const char *)data, size);
	int64_t seconds = -1;

	if (!text)
		abort();
	if (!job_date_parse(text, &seconds))
		return;
	ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)seconds);

	if (seconds < 0 || seconds >= end_s || !time)
		abort();
	ASN1_TIME_free(time);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ASN1_TIME *time = job_date_from_database(bytes_of(data, size));

	if (time && !ASN1_TIME_check(time))
		abort();
	ASN1_TIME_free(time);
	check_option(data, size);
	return 0;
}
