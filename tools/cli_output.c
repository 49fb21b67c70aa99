/* SPDX-License-Identifier: Apache-2.0 */
/* Results as JSON, as an aligned table on a terminal, or separated by tabs for another program. */
#include "cli_output.h"

#include <unistd.h>

#include "cleanup.h"
#include "json.h"
#include "text.h"

enum { OUTPUT_COLUMNS_MAX = 16, OUTPUT_CELL_MAX = 1024, OUTPUT_INDENT = 2 };

struct output_cell {
	char text[OUTPUT_CELL_MAX];
	size_t len;
};

enum cli_output_form cli_output_form(FILE *out, bool json)
{
	if (json)
		return CLI_OUTPUT_JSON;
	return isatty(fileno(out)) ? CLI_OUTPUT_TABLE : CLI_OUTPUT_TABS;
}

/* A label may hold what moves the cursor: control characters (C1 too, C2 80 to C2 9F in UTF-8) are
 * replaced. */
static void cell_append(struct output_cell *cell, const char *text)
{
	for (size_t i = 0; text[i] && cell->len < sizeof(cell->text) - 1; i++) {
		unsigned char here = (unsigned char)text[i], next = (unsigned char)text[i + 1];

		if (here == 0xC2 && next >= 0x80 && next < 0xA0)
			i++;
		if (here < 0x20 || here == 0x7F || (here == 0xC2 && next >= 0x80 && next < 0xA0))
			here = '?';
		cell->text[cell->len++] = (char)here;
	}
	cell->text[cell->len] = '\0';
}

static void cell_append_value(struct output_cell *cell, const json_t *value)
{
	CLEANUP(free) char *printed = NULL;
	char number[32];

	if (json_is_string(value)) {
		cell_append(cell, json_string_value(value));
	} else if (json_is_boolean(value)) {
		cell_append(cell, json_is_true(value) ? "yes" : "no");
	} else if (json_is_integer(value)) {
		(void)snprintf(
			number, sizeof(number), "%lld", (long long)json_integer_value(value));
		cell_append(cell, number);
	} else if (!value || json_is_null(value)) {
		cell_append(cell, "-");
	} else {
		printed = json_print(value);
		cell_append(cell, printed ? printed : "?");
	}
}

static void cell_set(struct output_cell *cell, const json_t *value)
{
	cell->len = 0;
	cell->text[0] = '\0';
	if (!json_is_array(value)) {
		cell_append_value(cell, value);
		return;
	}
	for (size_t i = 0; i < json_array_size(value); i++) {
		if (i > 0)
			cell_append(cell, ", ");
		cell_append_value(cell, json_array_get(value, i));
	}
}

/* Columns on the screen: one for each character that is no continuation byte. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xC0) != 0x80;
	return width;
}

static void print_padded(FILE *out, const char *text, size_t width)
{
	size_t len = text_width(text);

	(void)fprintf(out, "%s%*s", text, len < width ? (int)(width - len) : 0, "");
}

static void print_json(FILE *out, const json_t *value)
{
	/* A terminal gets ASCII: no character of a label can act on it. */
	size_t flags = JSON_INDENT(OUTPUT_INDENT) | (isatty(fileno(out)) ? JSON_ENSURE_ASCII : 0);

	(void)json_dumpf(value, out, flags | JSON_ENCODE_ANY);
	(void)fputc('\n', out);
}

static size_t column_width(const struct cli_column *column, const json_t *rows)
{
	size_t width = text_width(column->title);

	for (size_t i = 0; i < json_array_size(rows); i++) {
		struct output_cell cell;
		size_t len;

		cell_set(&cell, json_object_get(json_array_get(rows, i), column->key));
		len = text_width(cell.text);
		width = len > width ? len : width;
	}
	return width;
}

static void print_table(
	FILE *out, const struct cli_column *columns, size_t count, const json_t *rows)
{
	size_t widths[OUTPUT_COLUMNS_MAX];

	for (size_t c = 0; c < count; c++) {
		widths[c] = c + 1 < count ? column_width(&columns[c], rows) + 2 : 0;
		print_padded(out, columns[c].title, widths[c]);
	}
	(void)fputc('\n', out);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		for (size_t c = 0; c < count; c++) {
			struct output_cell cell;

			cell_set(&cell, json_object_get(json_array_get(rows, i), columns[c].key));
			print_padded(out, cell.text, widths[c]);
		}
		(void)fputc('\n', out);
	}
}

static void print_tabs(
	FILE *out, const struct cli_column *columns, size_t count, const json_t *rows)
{
	for (size_t i = 0; i < json_array_size(rows); i++)
		for (size_t c = 0; c < count; c++) {
			struct output_cell cell;

			cell_set(&cell, json_object_get(json_array_get(rows, i), columns[c].key));
			(void)fprintf(out, "%s%c", cell.text, c + 1 < count ? '\t' : '\n');
		}
}

void cli_output_rows(FILE *out, enum cli_output_form form, const struct cli_column *columns,
	size_t count, const json_t *rows)
{
	count = count < OUTPUT_COLUMNS_MAX ? count : OUTPUT_COLUMNS_MAX;
	if (form == CLI_OUTPUT_JSON)
		print_json(out, rows);
	else if (form == CLI_OUTPUT_TABS)
		print_tabs(out, columns, count, rows);
	else
		print_table(out, columns, count, rows);
}

static void print_field(
	FILE *out, enum cli_output_form form, const char *title, size_t width, const json_t *value)
{
	struct output_cell cell;

	cell_set(&cell, value);
	if (form == CLI_OUTPUT_TABS)
		(void)fprintf(out, "%s\t%s\n", title, cell.text);
	else {
		print_padded(out, title, width);
		(void)fprintf(out, "%s\n", cell.text);
	}
}

void cli_output_record(FILE *out, enum cli_output_form form, const struct cli_column *columns,
	size_t count, const json_t *record)
{
	size_t width = 0;

	if (form == CLI_OUTPUT_JSON) {
		print_json(out, record);
		return;
	}
	for (size_t c = 0; c < count; c++)
		if (json_object_get(record, columns[c].key) && text_width(columns[c].title) > width)
			width = text_width(columns[c].title);
	for (size_t c = 0; c < count; c++) {
		const json_t *value = json_object_get(record, columns[c].key);

		/* A program reads keys, a person titles. */
		if (value)
			print_field(out, form,
				form == CLI_OUTPUT_TABS ? columns[c].key : columns[c].title,
				width + 2, value);
	}
}

static size_t tree_columns(const json_t *rows, struct cli_column *columns)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(rows); i++) {
		void *member = json_object_iter(json_array_get(rows, i));

		for (; member; member = json_object_iter_next(json_array_get(rows, i), member)) {
			const char *key = json_object_iter_key(member);
			size_t c = 0;

			while (c < count && strcmp(columns[c].key, key) != 0)
				c++;
			if (c == count && count < OUTPUT_COLUMNS_MAX)
				columns[count++] = (struct cli_column){ key, key };
		}
	}
	return count;
}

static bool tree_is_table(const json_t *value)
{
	return json_array_size(value) > 0 && json_is_object(json_array_get(value, 0));
}

static void print_tree_table(
	FILE *out, enum cli_output_form form, const char *name, const json_t *rows)
{
	struct cli_column columns[OUTPUT_COLUMNS_MAX];
	size_t count = tree_columns(rows, columns);

	if (form == CLI_OUTPUT_TABLE)
		(void)fprintf(out, "\n%s\n", name);
	for (size_t i = 0; form == CLI_OUTPUT_TABS && i < json_array_size(rows); i++) {
		CLEANUP(json) json_t *one = json_pack("[O]", json_array_get(rows, i));

		(void)fprintf(out, "%s\t", name);
		print_tabs(out, columns, count, one);
	}
	if (form == CLI_OUTPUT_TABLE)
		print_table(out, columns, count, rows);
}

/* Depth is bounded by json_parse(), which made the tree. */
static void print_tree(
	FILE *out, enum cli_output_form form, const char *prefix, const json_t *tree, bool tables)
{
	void *member = json_object_iter((json_t *)(uintptr_t)tree);

	for (; member; member = json_object_iter_next((json_t *)(uintptr_t)tree, member)) {
		const json_t *value = json_object_iter_value(member);
		struct output_cell name = { 0 };

		cell_append(&name, prefix);
		cell_append(&name, json_object_iter_key(member));
		if (json_is_object(value)) {
			cell_append(&name, ".");
			print_tree(out, form, name.text, value, tables);
		} else if (tree_is_table(value) && tables) {
			print_tree_table(out, form, name.text, value);
		} else if (!tree_is_table(value) && !tables) {
			print_field(out, form, name.text, 24, value);
		}
	}
}

void cli_output_tree(FILE *out, enum cli_output_form form, const json_t *tree)
{
	if (form == CLI_OUTPUT_JSON) {
		print_json(out, tree);
		return;
	}
	print_tree(out, form, "", tree, false);
	print_tree(out, form, "", tree, true);
}

json_t *cli_output_text(struct bytes text)
{
	CLEANUP(free) char *copy = NULL;
	json_t *value = json_stringn((const char *)text.data, text.len);

	if (value)
		return value;
	copy = strndup((const char *)text.data, text.len);
	if (!copy)
		return NULL;
	for (char *at = copy; *at; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	return json_string(copy);
}

json_t *cli_output_hex(struct bytes data)
{
	CLEANUP(free) char *hex = calloc(2, data.len + 1);

	if (!hex)
		return NULL;
	text_hex(hex, data);
	return json_string(hex);
}
