/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of every kind of job by one table, and what they share. */
#include "check.h"

#include <stdio.h>
#include <time.h>

enum { CHECK_CLOCK_TOLERANCE_SECONDS = 300 };

static const struct {
	const char *signtype;
	const char *(*check)(const struct check_job *job);
} checks[] = {
	{ "csr", check_certificate },
	{ "crl", check_crl },
	{ "cms", check_cms },
};

const char *check_product(const char *signtype, const struct check_job *job)
{
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		if (strcmp(checks[i].signtype, signtype) == 0)
			return checks[i].check(job);
	}
	return "product of an unknown signtype";
}

bool check_is_near(const ASN1_TIME *time, int64_t wanted_s)
{
	struct tm when;

	if (ASN1_TIME_to_tm(time, &when) != 1)
		return false;
	int64_t difference = (int64_t)timegm(&when) - wanted_s;

	return difference <= CHECK_CLOCK_TOLERANCE_SECONDS &&
	       difference >= -CHECK_CLOCK_TOLERANCE_SECONDS;
}

bool check_is_one_pem(const char *text, const char *label)
{
	char begin[64];
	char end[64];

	(void)snprintf(begin, sizeof(begin), "-----BEGIN %s-----\n", label);
	(void)snprintf(end, sizeof(end), "\n-----END %s-----\n", label);
	const char *first_end = strstr(text, end);

	return strncmp(text, begin, strlen(begin)) == 0 && first_end &&
	       first_end[strlen(end)] == '\0';
}
