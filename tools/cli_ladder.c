/* SPDX-License-Identifier: Apache-2.0 */
/* What the bridge says of each CA, rung by rung: for people, and as lines for programs. */
#include "cli_ladder.h"

#include "cleanup.h"

json_t *cli_ladder_age(const json_t *time, int64_t now_s)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" } };
	int64_t age_s = now_s - json_integer_value(time);

	if (!json_is_integer(time))
		return json_string("-");
	/* The bridge's clock may be ahead of this one by a little. */
	age_s = age_s > 0 ? age_s : 0;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (age_s >= 2 * units[i].seconds)
			return json_sprintf("%lld %s ago", (long long)(age_s / units[i].seconds),
				units[i].name);
	}
	return json_sprintf("%lld s ago", (long long)age_s);
}

static void print_person(FILE *out, const json_t *ca, int64_t now_s)
{
	static const struct cli_column head[] = { { "subject", "CA" }, { "label", "token" },
		{ "connected", "connected" } };
	static const struct cli_column fault[] = { { "missing", "missing" }, { "reason", "why" },
		{ "action", "do" } };
	static const struct cli_column columns[] = { { "rung", "RUNG" }, { "ok", "OK" },
		{ "when", "LAST" } };
	CLEANUP(json) json_t *rows = json_deep_copy(json_object_get(ca, "ladder"));

	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *row = json_array_get(rows, i);

		(void)json_object_set_new(
			row, "when", cli_ladder_age(json_object_get(row, "time"), now_s));
	}
	(void)fputc('\n', out);
	cli_output_record(out, CLI_OUTPUT_TABLE, head, ARRAY_LEN(head), ca);
	if (json_is_string(json_object_get(ca, "missing")))
		cli_output_record(out, CLI_OUTPUT_TABLE, fault, ARRAY_LEN(fault), ca);
	cli_output_rows(out, CLI_OUTPUT_TABLE, columns, ARRAY_LEN(columns), rows);
}

/* "ladder", thumbprint, rung, yes, no or -, time, and for the first that is missing why and what
 * to do. */
static void print_program(FILE *out, const json_t *ca)
{
	static const struct cli_column columns[] = { { "kind", "" }, { "ca", "" }, { "rung", "" },
		{ "ok", "" }, { "time", "" }, { "reason", "" }, { "action", "" } };
	const json_t *missing = json_object_get(ca, "missing");
	CLEANUP(json) json_t *rows = json_deep_copy(json_object_get(ca, "ladder"));

	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *row = json_array_get(rows, i);

		(void)json_object_set_new(row, "kind", json_string("ladder"));
		(void)json_object_set(row, "ca", json_object_get(ca, "thumbprint"));
		if (!json_equal(json_object_get(row, "rung"), missing))
			continue;
		(void)json_object_set(row, "reason", json_object_get(ca, "reason"));
		(void)json_object_set(row, "action", json_object_get(ca, "action"));
	}
	cli_output_rows(out, CLI_OUTPUT_TABS, columns, ARRAY_LEN(columns), rows);
}

void cli_ladder_print(FILE *out, enum cli_output_form form, const json_t *cas, int64_t now_s)
{
	for (size_t i = 0; i < json_array_size(cas); i++) {
		const json_t *ca = json_array_get(cas, i);

		if (!json_is_array(json_object_get(ca, "ladder")))
			continue;
		if (form == CLI_OUTPUT_TABLE)
			print_person(out, ca, now_s);
		else
			print_program(out, ca);
	}
}
