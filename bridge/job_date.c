/* SPDX-License-Identifier: Apache-2.0 */
/* Dates of requests: ISO 8601 in options, ASN.1 text in revocation databases. */
#include <time.h>

#include "cleanup.h"
#include "job_parts.h"

enum { MINUTE_SECONDS = 60, HOUR_SECONDS = 3600 };

#define YEAR_10000_SECONDS INT64_C(253402300800)

/* Exactly `digits` digits; moves on behind them. */
static bool take_number(const char **at, int digits, int *number)
{
	int value = 0;

	for (int i = 0; i < digits; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		value = value * 10 + (**at - '0');
	}
	*number = value;
	return true;
}

static bool take_character(const char **at, char wanted)
{
	if (**at != wanted)
		return false;
	(*at)++;
	return true;
}

static bool take_day(const char **at, struct tm *tm)
{
	if (!take_number(at, 4, &tm->tm_year) || !take_character(at, '-') ||
		!take_number(at, 2, &tm->tm_mon) || !take_character(at, '-') ||
		!take_number(at, 2, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	return tm->tm_year >= 70;
}

static void skip_fraction(const char **at)
{
	if (!take_character(at, '.'))
		return;
	while (**at >= '0' && **at <= '9')
		(*at)++;
}

static bool take_time(const char **at, struct tm *tm)
{
	if (!take_number(at, 2, &tm->tm_hour) || !take_character(at, ':') ||
		!take_number(at, 2, &tm->tm_min))
		return false;
	if (take_character(at, ':')) {
		if (!take_number(at, 2, &tm->tm_sec))
			return false;
		skip_fraction(at);
	}
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

static bool take_offset(const char **at, int64_t *offset_s)
{
	int sign = **at == '-' ? -1 : 1;
	int hours;
	int minutes;

	*offset_s = 0;
	if (**at == '\0' || take_character(at, 'Z'))
		return true;
	if (!take_character(at, '+') && !take_character(at, '-'))
		return false;
	if (!take_number(at, 2, &hours) || !take_character(at, ':') ||
		!take_number(at, 2, &minutes))
		return false;
	*offset_s = sign * ((int64_t)hours * HOUR_SECONDS + (int64_t)minutes * MINUTE_SECONDS);
	return hours < 24 && minutes < 60;
}

bool job_date_parse(const char *text, int64_t *seconds)
{
	struct tm tm = { 0 };
	struct tm normal;
	int64_t offset_s;
	int64_t value;

	if (!take_day(&text, &tm))
		return false;
	if ((take_character(&text, 'T') || take_character(&text, ' ')) && !take_time(&text, &tm))
		return false;
	if (!take_offset(&text, &offset_s) || *text != '\0')
		return false;
	normal = tm;
	value = timegm(&normal) - offset_s;
	/* 31 February becomes 3 March. */
	if (normal.tm_mday != tm.tm_mday || normal.tm_mon != tm.tm_mon || value < 0 ||
		value >= YEAR_10000_SECONDS)
		return false;
	*seconds = value;
	return true;
}

ASN1_TIME *job_date_from_database(struct bytes text)
{
	enum { UTC_LEN = 13, GENERALIZED_LEN = 15 };
	char copy[GENERALIZED_LEN + 1] = { 0 };
	ASN1_TIME *parsed;

	if ((text.len != UTC_LEN && text.len != GENERALIZED_LEN) || text.data[text.len - 1] != 'Z')
		return NULL;
	memcpy(copy, text.data, text.len);
	parsed = ASN1_TIME_new();
	if (parsed && ASN1_TIME_set_string_X509(parsed, copy))
		return parsed;
	ASN1_TIME_free(parsed);
	return NULL;
}
