/* SPDX-License-Identifier: Apache-2.0 */
/* The key rings of a configuration of libkmsp11. */
#include "migrate_kms.h"

#include <ctype.h>

#include <yaml.h>

static bool is_name_byte(uint8_t c)
{
	return isalnum(c) || c == '-' || c == '_' || c == '.' || c == ':';
}

bool migrate_kms_is_ring(struct bytes name)
{
	static const char *const words[] = { "projects/", "/locations/", "/keyRings/" };
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t len = strlen(words[i]);
		size_t start = at + len;

		if (name.len < start || memcmp(name.data + at, words[i], len) != 0)
			return false;
		for (at = start; at < name.len && is_name_byte(name.data[at]);)
			at++;
		if (at == start)
			return false;
	}
	return at == name.len && at <= MIGRATE_RING_NAME_MAX;
}

static struct bytes scalar_of(const yaml_node_t *node)
{
	if (!node || node->type != YAML_SCALAR_NODE)
		return bytes_of(NULL, 0);
	return bytes_of(node->data.scalar.value, node->data.scalar.length);
}

static yaml_node_t *member(yaml_document_t *document, const yaml_node_t *mapping, const char *key)
{
	if (!mapping || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
		pair < mapping->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(document, pair->key);

		if (bytes_equal(scalar_of(name), bytes_of_text(key)))
			return yaml_document_get_node(document, pair->value);
	}
	return NULL;
}

static bool take_rings(yaml_document_t *document, struct migrate_rings *rings, const char **reason)
{
	const yaml_node_t *root = yaml_document_get_root_node(document);
	const yaml_node_t *tokens = member(document, root, "tokens");

	*reason = "it has no list of tokens";
	if (!tokens || tokens->type != YAML_SEQUENCE_NODE)
		return false;
	for (yaml_node_item_t *item = tokens->data.sequence.items.start;
		item < tokens->data.sequence.items.top; item++) {
		struct bytes name = scalar_of(
			member(document, yaml_document_get_node(document, *item), "key_ring"));

		*reason = "a token has no key_ring of the form projects/…/locations/…/keyRings/…";
		if (!migrate_kms_is_ring(name))
			return false;
		*reason = "it has too many tokens";
		if (rings->count == MIGRATE_RINGS_MAX)
			return false;
		memcpy(rings->names[rings->count], name.data, name.len);
		rings->names[rings->count++][name.len] = '\0';
	}
	return true;
}

bool migrate_kms_parse(struct bytes yaml, struct migrate_rings *rings, const char **reason)
{
	yaml_document_t document;
	yaml_parser_t parser;

	*rings = (struct migrate_rings){ 0 };
	*reason = "out of memory";
	if (!yaml_parser_initialize(&parser))
		return false;
	yaml_parser_set_input_string(&parser, yaml.data, yaml.len);
	bool done = yaml_parser_load(&parser, &document) == 1;

	if (done) {
		done = take_rings(&document, rings, reason);
		yaml_document_delete(&document);
	} else {
		*reason = "it is no YAML";
	}
	yaml_parser_delete(&parser);
	return done;
}
