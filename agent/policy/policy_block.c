/* SPDX-License-Identifier: Apache-2.0 */
/* One section of policy.conf: its keys, their checks, and what they mean. */
#include "policy_block.h"

#include <openssl/err.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "log.h"
#include "text.h"

#define BIT(class) (1U << SIGNED_##class)

enum { UNLIMITED = -1, DAYS_MAX = 365 * 1000, BITS_MAX = 16384, PER_HOUR_MAX = 100000000 };

static const struct {
	const char *name;
	unsigned classes;
} profiles[] = {
	{ "ca", BIT(LEAF) | BIT(CA) | BIT(SELF) | BIT(EPHEMERAL) | BIT(CRL) | BIT(REQUEST) |
			BIT(CMS) },
	{ "leaf-only", BIT(LEAF) | BIT(EPHEMERAL) | BIT(CRL) | BIT(CMS) },
	{ "certificates-only", BIT(LEAF) | BIT(EPHEMERAL) },
	{ "ca-only", BIT(CA) | BIT(SELF) | BIT(CRL) | BIT(REQUEST) },
	{ "crl-only", BIT(EPHEMERAL) | BIT(CRL) },
	{ "cms-only", BIT(EPHEMERAL) | BIT(CMS) },
};

static inline void cleanup_object(ASN1_OBJECT **object)
{
	ASN1_OBJECT_free(*object);
}

void policy_block_options(cfg_opt_t options[POLICY_BLOCK_OPTIONS])
{
	static char refuse[] = "refuse";
	const cfg_opt_t all[] = { CFG_STR("profile", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("classes", NULL, CFGF_NONE), CFG_BOOL("observe", cfg_false, CFGF_NONE),
		CFG_STR("prehashed", refuse, CFGF_NONE), CFG_INT("max_days", UNLIMITED, CFGF_NONE),
		CFG_STR("not_after", NULL, CFGF_NODEFAULT),
		CFG_INT("path_length", UNLIMITED, CFGF_NONE), CFG_INT("rsa_bits", 0, CFGF_NONE),
		CFG_INT("ec_bits", 0, CFGF_NONE), CFG_INT("per_hour", 0, CFGF_NONE),
		CFG_STR_LIST("hashes", NULL, CFGF_NONE), CFG_STR_LIST("usages", NULL, CFGF_NONE),
		CFG_STR("names", NULL, CFGF_NODEFAULT), CFG_END() };

	_Static_assert(ARRAY_LEN(all) <= POLICY_BLOCK_OPTIONS, "room for every option");
	memcpy(options, all, sizeof(all));
}

static const char *latest(cfg_opt_t *option)
{
	return cfg_opt_getnstr(option, cfg_opt_size(option) - 1);
}

static const unsigned *find_profile(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i].classes;
	return NULL;
}

static int check_profile(cfg_t *cfg, cfg_opt_t *option)
{
	if (find_profile(latest(option)))
		return 0;
	cfg_error(cfg,
		"profile: '%s' is none of ca, leaf-only, certificates-only, ca-only, crl-only, "
		"cms-only",
		latest(option));
	return -1;
}

static int check_class(cfg_t *cfg, cfg_opt_t *option)
{
	if (signed_find(latest(option)) != SIGNED_CLASSES)
		return 0;
	cfg_error(cfg,
		"classes: '%s' is none of leaf, ca, self, ephemeral, crl, request, cms, unknown",
		latest(option));
	return -1;
}

static int check_prehashed(cfg_t *cfg, cfg_opt_t *option)
{
	if (strcmp(latest(option), "allow") == 0 || strcmp(latest(option), "refuse") == 0)
		return 0;
	cfg_error(cfg, "prehashed: '%s' is neither allow nor refuse", latest(option));
	return -1;
}

static int check_number(cfg_t *cfg, cfg_opt_t *option)
{
	static const struct {
		const char *key;
		long least, most;
	} ranges[] = { { "max_days", 0, DAYS_MAX }, { "path_length", 0, 100 },
		{ "rsa_bits", 0, BITS_MAX }, { "ec_bits", 0, BITS_MAX },
		{ "per_hour", 0, PER_HOUR_MAX } };
	long value = cfg_opt_getnint(option, 0);

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		if (strcmp(ranges[i].key, cfg_opt_name(option)) != 0 ||
			(value >= ranges[i].least && value <= ranges[i].most))
			continue;
		cfg_error(cfg, "%s: %ld is not within %ld to %ld", cfg_opt_name(option), value,
			ranges[i].least, ranges[i].most);
		return -1;
	}
	return 0;
}

static bool read_time(const char *text, time_t *time)
{
	struct tm parts = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);

	if (!end || *end != '\0')
		return false;
	*time = timegm(&parts);
	return *time > 0;
}

static int check_time(cfg_t *cfg, cfg_opt_t *option)
{
	time_t time;

	if (read_time(latest(option), &time))
		return 0;
	cfg_error(cfg, "not_after: '%s' is no time like 2036-01-31T23:59:59Z", latest(option));
	return -1;
}

static int check_hash(cfg_t *cfg, cfg_opt_t *option)
{
	if (policy_hash_find(latest(option)) >= 0)
		return 0;
	cfg_error(cfg, "hashes: '%s' is none of sha224, sha256, sha384, sha512", latest(option));
	return -1;
}

static int check_usage(cfg_t *cfg, cfg_opt_t *option)
{
	CLEANUP(object) ASN1_OBJECT *usage = OBJ_txt2obj(latest(option), 0);

	if (usage && cfg_opt_size(option) <= POLICY_USAGES_MAX)
		return 0;
	if (usage)
		cfg_error(cfg, "usages: more than %d are not supported", POLICY_USAGES_MAX);
	else
		cfg_error(cfg, "usages: '%s' is no name like serverAuth and no number like 1.2.3",
			latest(option));
	return -1;
}

static NAME_CONSTRAINTS *read_names(const char *text)
{
	(void)ERR_set_mark();
	CLEANUP(x509_extension)
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_name_constraints, text);
	NAME_CONSTRAINTS *names = extension ? X509V3_EXT_d2i(extension) : NULL;

	(void)ERR_pop_to_mark();
	return names;
}

static int check_names(cfg_t *cfg, cfg_opt_t *option)
{
	NAME_CONSTRAINTS *names = read_names(latest(option));

	if (names) {
		NAME_CONSTRAINTS_free(names);
		return 0;
	}
	cfg_error(cfg, "names: '%s' is no list like permitted;DNS:example.com,excluded;email:.org",
		latest(option));
	return -1;
}

static bool read_spki(const char *title, uint8_t spki[SIGNED_SPKI_LEN])
{
	size_t len = 0;

	return text_from_hex(title, spki, SIGNED_SPKI_LEN, &len) && len == SIGNED_SPKI_LEN;
}

static int check_block(cfg_t *cfg, cfg_opt_t *option)
{
	cfg_t *section = cfg_opt_getnsec(option, cfg_opt_size(option) - 1);
	uint8_t spki[SIGNED_SPKI_LEN];
	bool profile = cfg_getstr(section, "profile") != NULL;
	bool classes = (cfg_getopt(section, "classes")->flags & CFGF_MODIFIED) != 0;

	if (!read_spki(cfg_title(section), spki)) {
		cfg_error(cfg,
			"key: '%s' is no SHA-256 of a public key in 64 hex digits; get it by: "
			"iothsm policy test --ca CERTIFICATE CERTIFICATE",
			cfg_title(section));
		return -1;
	}
	if (profile != classes)
		return 0;
	cfg_error(cfg, "key \"%s\": say either 'profile' or 'classes'", cfg_title(section));
	return -1;
}

void policy_block_install(cfg_t *cfg)
{
	static const struct {
		const char *key;
		cfg_validate_callback_t check;
	} checks[] = { { "key", check_block }, { "key|profile", check_profile },
		{ "key|classes", check_class }, { "key|prehashed", check_prehashed },
		{ "key|max_days", check_number }, { "key|not_after", check_time },
		{ "key|path_length", check_number }, { "key|rsa_bits", check_number },
		{ "key|ec_bits", check_number }, { "key|per_hour", check_number },
		{ "key|hashes", check_hash }, { "key|usages", check_usage },
		{ "key|names", check_names } };

	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		(void)cfg_set_validate_func(cfg, checks[i].key, checks[i].check);
}

static unsigned read_classes(cfg_t *section)
{
	const char *profile = cfg_getstr(section, "profile");
	const unsigned *found = profile ? find_profile(profile) : NULL;
	unsigned classes = found ? *found : 0;

	for (unsigned i = 0; i < cfg_size(section, "classes"); i++)
		classes |= 1U << signed_find(cfg_getnstr(section, "classes", i));
	return classes;
}

/* The checks were made while the file was parsed; what fails now is memory. */
static bool read_lists(cfg_t *section, struct policy_key *key)
{
	const char *names = cfg_getstr(section, "names");

	for (unsigned i = 0; i < cfg_size(section, "hashes"); i++)
		key->hashes |= 1U << policy_hash_find(cfg_getnstr(section, "hashes", i));
	for (unsigned i = 0; i < cfg_size(section, "usages") && i < POLICY_USAGES_MAX; i++) {
		key->usages[i] = OBJ_txt2obj(cfg_getnstr(section, "usages", i), 0);
		if (!key->usages[i])
			return false;
		key->usage_count++;
	}
	key->names = names ? read_names(names) : NULL;
	return !names || key->names;
}

bool policy_block_read(cfg_t *section, struct policy_key *key)
{
	const char *not_after = cfg_getstr(section, "not_after");

	*key = (struct policy_key){ .classes = read_classes(section),
		.observe = cfg_getbool(section, "observe") == cfg_true,
		.prehashed = strcmp(cfg_getstr(section, "prehashed"), "allow") == 0,
		.days = cfg_getint(section, "max_days"),
		.path_length = cfg_getint(section, "path_length"),
		.rsa_bits = cfg_getint(section, "rsa_bits"),
		.ec_bits = cfg_getint(section, "ec_bits"),
		.per_hour = cfg_getint(section, "per_hour") };
	if (read_spki(cfg_title(section), key->spki) &&
		(!not_after || read_time(not_after, &key->not_after)) && read_lists(section, key))
		return true;
	log_error("policy: out of memory while reading a block");
	policy_block_reset(key);
	return false;
}

void policy_block_reset(struct policy_key *key)
{
	for (size_t i = 0; i < key->usage_count; i++)
		ASN1_OBJECT_free(key->usages[i]);
	NAME_CONSTRAINTS_free(key->names);
	*key = (struct policy_key){ 0 };
}
