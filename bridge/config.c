/* SPDX-License-Identifier: Apache-2.0 */
/* bridge.conf, by libconfuse. */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <confuse.h>

#include "bytes.h"
#include "cleanup.h"
#include "endpoint.h"
#include "log.h"

#define PLATFORM_DEFAULT "https://pkiaas.io"

static const char *config_path; /* for messages of libconfuse, while the one thread loads */

static void report(cfg_t *cfg, const char *format, va_list arguments)
{
	char text[256];

	(void)vsnprintf(text, sizeof(text), format, arguments);
	log_error("config: %s file=%s line=%d", text, config_path, cfg ? cfg->line : 0);
}

static int validate_origin(cfg_t *cfg, cfg_opt_t *option)
{
	static const char *const schemes[] = { "https://", "http://127.0.0.1", "http://[::1]" };
	const char *value = cfg_opt_getnstr(option, cfg_opt_size(option) - 1);

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t len = strlen(schemes[i]);

		if (strncmp(value, schemes[i], len) != 0)
			continue;
		/* A path, query or user name would end up in front of every request's own. */
		if (value[strcspn(value + len, "/?#@ \t") + len] == '\0' && strlen(value) < 256)
			return 0;
	}
	cfg_error(cfg, "option '%s' must be an origin such as https://host or https://host:port",
		cfg_opt_name(option));
	return -1;
}

static int validate_order(cfg_t *cfg, cfg_opt_t *option)
{
	const char *value = cfg_opt_getnstr(option, cfg_opt_size(option) - 1);

	if (strcmp(value, "policy") == 0 || strcmp(value, "subject") == 0)
		return 0;
	cfg_error(cfg, "option '%s' must be policy or subject", cfg_opt_name(option));
	return -1;
}

static int validate_range(cfg_t *cfg, cfg_opt_t *option)
{
	static const struct {
		const char *name;
		long min;
		long max;
	} ranges[] = {
		{ "workers", 1, CONFIG_WORKERS_MAX },
		{ "signing_window", 60, 24 * 3600 },
		{ "rescan", 0, 24 * 3600 },
		{ "probe", 1, CONFIG_PROBE_MAX_SECONDS },
	};
	long value = cfg_opt_getnint(option, cfg_opt_size(option) - 1);

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		if (strcmp(cfg_opt_name(option), ranges[i].name) != 0 ||
			(value >= ranges[i].min && value <= ranges[i].max))
			continue;
		cfg_error(cfg, "option '%s' must be between %ld and %ld", ranges[i].name,
			ranges[i].min, ranges[i].max);
		return -1;
	}
	return 0;
}

/* What the metrics say is nobody's business on the network. */
static int validate_metrics(cfg_t *cfg, cfg_opt_t *option)
{
	struct endpoint endpoint;
	const char *value = cfg_opt_getnstr(option, cfg_opt_size(option) - 1);

	if (endpoint_parse(value, &endpoint))
		return 0;
	cfg_error(cfg,
		"option '%s' must be \"unix:/path\", \"127.0.0.1:port\" or \"[::1]:port\"; other"
		" addresses are refused",
		cfg_opt_name(option));
	return -1;
}

/* Beside the executable in a build tree, else where it is installed. */
static char *default_module(void)
{
	char path[PATH_MAX];
	char module[PATH_MAX + 64];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (len > 0) {
		path[len] = '\0';
		char *slash = strrchr(path, '/');

		*slash = '\0';
		(void)snprintf(module, sizeof(module), "%s/../lib/libiothsm-pkcs11.so", path);
		if (access(module, R_OK) == 0)
			return strdup(module);
	}
	return strdup(BRIDGE_MODULE_DEFAULT);
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static CK_RV take_tokens(cfg_t *cfg, struct config *config)
{
	unsigned int count = cfg_size(cfg, "token");

	if (count > CONFIG_TOKENS_MAX) {
		log_error("config: more than %d tokens file=%s", CONFIG_TOKENS_MAX, config_path);
		return CKR_ARGUMENTS_BAD;
	}
	config->tokens = calloc(count + 1, sizeof(*config->tokens));
	for (unsigned int i = 0; config->tokens && i < count; i++) {
		cfg_t *token = cfg_getnsec(cfg, "token", i);

		config->tokens[i].serial = copy(cfg_title(token));
		config->tokens[i].pin_file = copy(cfg_getstr(token, "pin_file"));
		config->token_count++;
		if (!config->tokens[i].serial || !config->tokens[i].pin_file) {
			log_error("config: a token needs pin_file file=%s line=%d", config_path,
				token->line);
			return CKR_ARGUMENTS_BAD;
		}
	}
	return config->tokens ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV take(cfg_t *cfg, struct config *config)
{
	const char *anchor = cfg_getstr(cfg, "platform_ca");

	config->platform = copy(cfg_getstr(cfg, "platform"));
	if (!anchor && config->platform && strcmp(config->platform, PLATFORM_DEFAULT) == 0)
		anchor = BRIDGE_PLATFORM_CA_DEFAULT;
	config->platform_ca = copy(anchor);
	config->tls_ca = copy(cfg_getstr(cfg, "tls_ca"));
	config->pubnub_origin = copy(cfg_getstr(cfg, "pubnub_origin"));
	config->module =
		cfg_getstr(cfg, "module") ? copy(cfg_getstr(cfg, "module")) : default_module();
	config->state_dir = copy(cfg_getstr(cfg, "state_dir"));
	config->control = copy(cfg_getstr(cfg, "control"));
	config->metrics = copy(cfg_getstr(cfg, "metrics"));
	config->workers = cfg_getint(cfg, "workers");
	config->signing_window_s = cfg_getint(cfg, "signing_window");
	config->rescan_s = cfg_getint(cfg, "rescan");
	config->subject_order = strcmp(cfg_getstr(cfg, "name_order"), "subject") == 0;
	config->probe_s = cfg_getint(cfg, "probe");
	TRY(take_tokens(cfg, config));
	if (!anchor) {
		log_error("config: platform_ca is needed for this platform file=%s platform=%s",
			config_path, config->platform);
		return CKR_ARGUMENTS_BAD;
	}
	return config->platform && config->pubnub_origin && config->module && config->state_dir &&
			       config->control
		       ? CKR_OK
		       : CKR_HOST_MEMORY;
}

static cfg_t *make_parser(void)
{
	static cfg_opt_t token[] = {
		CFG_STR("pin_file", NULL, CFGF_NODEFAULT),
		CFG_END(),
	};
	static cfg_opt_t options[] = {
		CFG_STR("platform", PLATFORM_DEFAULT, CFGF_NONE),
		CFG_STR("platform_ca", NULL, CFGF_NONE),
		CFG_STR("tls_ca", NULL, CFGF_NONE),
		CFG_STR("pubnub_origin", "https://ps.pndsn.com", CFGF_NONE),
		CFG_STR("module", NULL, CFGF_NONE),
		CFG_STR("state_dir", "/var/lib/iothsm/bridge", CFGF_NONE),
		CFG_STR("control", "/run/iothsm-bridge/control.sock", CFGF_NONE),
		CFG_STR("metrics", NULL, CFGF_NONE),
		CFG_STR("name_order", "policy", CFGF_NONE),
		CFG_INT("workers", 4, CFGF_NONE),
		CFG_INT("signing_window", 3600, CFGF_NONE),
		CFG_INT("rescan", 30, CFGF_NONE),
		CFG_INT("probe", CONFIG_PROBE_MAX_SECONDS, CFGF_NONE),
		CFG_SEC("token", token, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_END(),
	};
	cfg_t *cfg = cfg_init(options, CFGF_NONE);

	if (!cfg)
		return NULL;
	(void)cfg_set_error_function(cfg, report);
	(void)cfg_set_validate_func(cfg, "platform", validate_origin);
	(void)cfg_set_validate_func(cfg, "pubnub_origin", validate_origin);
	(void)cfg_set_validate_func(cfg, "name_order", validate_order);
	(void)cfg_set_validate_func(cfg, "workers", validate_range);
	(void)cfg_set_validate_func(cfg, "signing_window", validate_range);
	(void)cfg_set_validate_func(cfg, "rescan", validate_range);
	(void)cfg_set_validate_func(cfg, "probe", validate_range);
	(void)cfg_set_validate_func(cfg, "metrics", validate_metrics);
	return cfg;
}

CK_RV config_load(const char *path, struct config *config)
{
	*config = (struct config){ 0 };
	config_path = path;
	cfg_t *cfg = make_parser();

	if (!cfg)
		return CKR_HOST_MEMORY;
	int result = cfg_parse(cfg, path);
	CK_RV rv = CKR_ARGUMENTS_BAD;

	if (result == CFG_FILE_ERROR)
		log_error("config: cannot read file=%s error=\"%m\"", path);
	else if (result == CFG_SUCCESS)
		rv = take(cfg, config);
	(void)cfg_free(cfg);
	return rv;
}

void config_reset(struct config *config)
{
	for (size_t i = 0; i < config->token_count; i++) {
		free(config->tokens[i].serial);
		free(config->tokens[i].pin_file);
	}
	free(config->tokens);
	free(config->platform);
	free(config->platform_ca);
	free(config->tls_ca);
	free(config->pubnub_origin);
	free(config->module);
	free(config->state_dir);
	free(config->control);
	free(config->metrics);
	*config = (struct config){ 0 };
}

const char *config_pin_file(const struct config *config, const char *serial)
{
	for (size_t i = 0; i < config->token_count; i++) {
		if (strcmp(config->tokens[i].serial, serial) == 0)
			return config->tokens[i].pin_file;
	}
	return NULL;
}
