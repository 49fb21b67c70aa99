/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a job's request, checked for type and bounds. */
#include <math.h>

#include "job_parts.h"

enum { INTEGER_MAX = INT32_MAX, DAYS_MAX = 36525 };

bool job_json_is_off(const json_t *value)
{
	return !value || json_is_null(value) || json_is_false(value);
}

bool job_json_is_falsy(const json_t *value)
{
	if (json_is_string(value))
		return json_string_length(value) == 0;
	return job_json_is_off(value) || (json_is_number(value) && json_number_value(value) == 0);
}

CK_RV job_json_text(
	const json_t *value, const char *what, struct job_cause *cause, const char **text)
{
	const char *found = json_string_value(value);

	if (!found)
		return job_cause_refuse(cause, "Invalid %s: must be a text", what);
	if (strlen(found) != json_string_length(value))
		return job_cause_refuse(cause, "Invalid %s: holds a NUL character", what);
	*text = found;
	return CKR_OK;
}

CK_RV job_json_list(
	const json_t *value, const char *what, struct job_cause *cause, const json_t **list)
{
	if (!json_is_array(value))
		return job_cause_refuse(cause, "Invalid %s: must be a list", what);
	if (json_array_size(value) > JOB_LIST_MAX)
		return job_cause_refuse(
			cause, "Invalid %s: has more than %d elements", what, JOB_LIST_MAX);
	*list = value;
	return CKR_OK;
}

CK_RV job_json_object(const json_t *value, const char *what, struct job_cause *cause)
{
	if (json_is_object(value))
		return CKR_OK;
	return job_cause_refuse(cause, "Invalid %s: must be an object", what);
}

CK_RV job_json_flag(const json_t *value, const char *what, struct job_cause *cause, bool *flag)
{
	if (value && !json_is_null(value) && !json_is_boolean(value))
		return job_cause_refuse(cause, "Invalid %s: must be true or false", what);
	*flag = json_is_true(value);
	return CKR_OK;
}

CK_RV job_json_integer(
	const json_t *value, const char *what, struct job_cause *cause, int64_t *number)
{
	double real = json_number_value(value);

	if (!json_is_number(value) || real != trunc(real) || fabs(real) > INTEGER_MAX)
		return job_cause_refuse(cause, "Invalid %s: must be a whole number", what);
	*number = (int64_t)real;
	return CKR_OK;
}

CK_RV job_json_days(const json_t *value, struct job_cause *cause, int64_t *days)
{
	int64_t number;

	TRY(job_json_integer(value, "days", cause, &number));
	if (number < 1 || number > DAYS_MAX)
		return job_cause_refuse(cause, "Invalid days: must be 1 to %d", DAYS_MAX);
	*days = number;
	return CKR_OK;
}
