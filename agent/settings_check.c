/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of agent.conf while it is parsed, so that every complaint has its line. */
#include "settings_check.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "log.h"
#include "mechanism_name.h"
#include "right.h"
#include "settings.h"
#include "spin.h"

static bool find_number(const char *name, uint32_t *id)
{
	char *end;

	if (*name < '0' || *name > '9')
		return false;
	errno = 0;
	unsigned long number = strtoul(name, &end, 10);

	if (errno != 0 || *end != '\0' || number >= UINT32_MAX)
		return false;
	*id = (uint32_t)number;
	return true;
}

bool settings_find_user(const char *name, uint32_t *id)
{
	if (find_number(name, id))
		return true;
	const struct passwd *user = getpwnam(name);

	if (!user)
		return false;
	*id = user->pw_uid;
	return true;
}

bool settings_find_group(const char *name, uint32_t *id)
{
	if (find_number(name, id))
		return true;
	const struct group *group = getgrnam(name);

	if (!group)
		return false;
	*id = group->gr_gid;
	return true;
}

bool settings_find_record(const char *name, enum record_mode *mode)
{
	static const char *const names[] = {
		[RECORD_POLICY] = "policy", [RECORD_ALL] = "all", [RECORD_NONE] = "none"
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		*mode = (enum record_mode)i;
		return true;
	}
	return false;
}

/* The value that was just parsed: the last one of a list. */
static const char *latest(cfg_opt_t *option)
{
	return cfg_opt_getnstr(option, cfg_opt_size(option) - 1);
}

static int check_path(cfg_t *cfg, cfg_opt_t *option)
{
	const char *path = latest(option);

	if (*path == '/' && strlen(path) < LINK_TEXT_MAX)
		return 0;
	cfg_error(cfg, "%s: '%s' has to be an absolute path of less than %d bytes",
		cfg_opt_name(option), path, LINK_TEXT_MAX);
	return -1;
}

static int check_watch(cfg_t *cfg, cfg_opt_t *option)
{
	return strcmp(latest(option), "none") == 0 ? 0 : check_path(cfg, option);
}

static int check_socket(cfg_t *cfg, cfg_opt_t *option)
{
	struct sockaddr_un address;

	if (check_path(cfg, option) != 0)
		return -1;
	if (strlen(latest(option)) < sizeof(address.sun_path))
		return 0;
	cfg_error(cfg,
		"socket: the path of a Unix socket is limited to %zu bytes, choose a shorter one",
		sizeof(address.sun_path) - 1);
	return -1;
}

/* It becomes part of a program's name. */
static int check_type(cfg_t *cfg, cfg_opt_t *option)
{
	const char *type = latest(option);
	size_t len = strlen(type);

	if (len > 0 && len <= 32 && strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789") == len)
		return 0;
	cfg_error(cfg, "type: '%s' names no kind of backend, use for example pkcs11", type);
	return -1;
}

static int check_threads(cfg_t *cfg, cfg_opt_t *option)
{
	const char *threads = latest(option);

	if (strcmp(threads, "shared") == 0 || strcmp(threads, "serial") == 0)
		return 0;
	cfg_error(cfg, "threads: '%s' is neither shared nor serial", threads);
	return -1;
}

static int check_record(cfg_t *cfg, cfg_opt_t *option)
{
	enum record_mode mode;

	if (settings_find_record(latest(option), &mode))
		return 0;
	cfg_error(cfg, "record: '%s' is none of policy, all, none", latest(option));
	return -1;
}

static int check_call_timeout(cfg_t *cfg, cfg_opt_t *option)
{
	long seconds = cfg_opt_getnint(option, cfg_opt_size(option) - 1);

	if (seconds >= 1 && seconds <= SETTINGS_CALL_SECONDS_MAX)
		return 0;
	cfg_error(cfg, "call_timeout: %ld is not within 1 to %d seconds", seconds,
		SETTINGS_CALL_SECONDS_MAX);
	return -1;
}

static int check_env(cfg_t *cfg, cfg_opt_t *option)
{
	const char *variable = latest(option);
	const char *equals = strchr(variable, '=');

	if (equals && equals != variable)
		return 0;
	cfg_error(cfg, "env: '%s' is not of the form NAME=value", variable);
	return -1;
}

static int check_allow(cfg_t *cfg, cfg_opt_t *option)
{
	if (right_find(latest(option)) != 0)
		return 0;
	cfg_error(cfg, "allow: '%s' is none of use, sign, decrypt, generate, destroy, so, admin",
		latest(option));
	return -1;
}

/* A user that does not exist yet would get the default rights later: refused. */
static int check_users(cfg_t *cfg, cfg_opt_t *option)
{
	uint32_t id;

	if (settings_find_user(latest(option), &id))
		return 0;
	cfg_error(cfg, "users: this system has no user '%s'", latest(option));
	return -1;
}

static int check_groups(cfg_t *cfg, cfg_opt_t *option)
{
	uint32_t id;

	if (settings_find_group(latest(option), &id))
		return 0;
	cfg_error(cfg, "groups: this system has no group '%s'", latest(option));
	return -1;
}

/* One who does not exist cannot use a PIN, so this is no danger: a package may not be installed. */
static int check_pin_users(cfg_t *cfg, cfg_opt_t *option)
{
	uint32_t id;

	if (!settings_find_user(latest(option), &id))
		log_info("agent: %s:%d: pin_users: this system has no user '%s', left out",
			cfg->filename, cfg->line, latest(option));
	return 0;
}

static int check_match(cfg_t *cfg, cfg_opt_t *option)
{
	struct token_match match;

	if (token_match_parse(latest(option), &match))
		return 0;
	cfg_error(cfg,
		"tokens: '%s' is neither a serial number of 1 to %d bytes, nor \"*\", nor a URI of "
		"serial and label like pkcs11:serial=0123;token=name",
		latest(option), LINK_SERIAL_LEN);
	return -1;
}

static int check_mechanism(cfg_t *cfg, cfg_opt_t *option)
{
	CK_MECHANISM_TYPE type;

	if (!mechanism_name_find(latest(option), &type)) {
		cfg_error(cfg,
			"mechanisms: '%s' is neither a name like CKM_ECDSA nor a number like "
			"0x1041",
			latest(option));
		return -1;
	}
	if (cfg_opt_size(option) <= LINK_MECHANISMS_MAX)
		return 0;
	cfg_error(cfg, "mechanisms: more than %d in a list are not supported", LINK_MECHANISMS_MAX);
	return -1;
}

/* A section is checked at its closing brace. */
static int check_backend(cfg_t *cfg, cfg_opt_t *option)
{
	cfg_t *section = cfg_opt_getnsec(option, cfg_opt_size(option) - 1);
	size_t len = strlen(cfg_title(section));
	struct link_message limit;

	if (len == 0 || len >= sizeof(limit.backend)) {
		cfg_error(cfg, "backend: the name does not have 1 to %zu bytes",
			sizeof(limit.backend) - 1);
		return -1;
	}
	if (!cfg_getstr(section, "type")) {
		cfg_error(cfg, "backend \"%s\": 'type' is missing", cfg_title(section));
		return -1;
	}
	if (strcmp(cfg_getstr(section, "type"), "pkcs11") == 0 && !*cfg_getstr(section, "module")) {
		cfg_error(cfg,
			"backend \"%s\": 'module', the path of a PKCS#11 library, is missing",
			cfg_title(section));
		return -1;
	}
	if (cfg_opt_size(option) > SETTINGS_BACKENDS_MAX) {
		cfg_error(cfg, "backend: more than %d are not supported", SETTINGS_BACKENDS_MAX);
		return -1;
	}
	return 0;
}

const char *settings_check_serial(cfg_t *section)
{
	const char *serial = cfg_getstr(section, "serial");

	return serial ? serial : cfg_title(section);
}

static int check_token(cfg_t *cfg, cfg_opt_t *option)
{
	const char *serial =
		settings_check_serial(cfg_opt_getnsec(option, cfg_opt_size(option) - 1));
	size_t len = strlen(serial);

	if (len > 0 && len <= LINK_SERIAL_LEN)
		return 0;
	cfg_error(
		cfg, "token: the serial '%s' does not have 1 to %d bytes", serial, LINK_SERIAL_LEN);
	return -1;
}

static int check_rights(cfg_t *cfg, cfg_opt_t *option)
{
	cfg_t *section = cfg_opt_getnsec(option, cfg_opt_size(option) - 1);

	if (cfg_getopt(section, "allow")->flags & CFGF_MODIFIED)
		return 0;
	cfg_error(cfg, "rights \"%s\": 'allow' is missing; to allow nothing write allow = {}",
		cfg_title(section));
	return -1;
}

static int check_busy_poll(cfg_t *cfg, cfg_opt_t *option)
{
	long us = cfg_opt_getnint(option, 0);

	if (us >= 0 && us <= SPIN_US_MAX)
		return 0;
	cfg_error(cfg, "busy_poll_us is 0 to %d microseconds, not %ld", SPIN_US_MAX, us);
	return -1;
}

static int check_memory(cfg_t *cfg, cfg_opt_t *option)
{
	long mib = cfg_opt_getnint(option, 0);

	if (mib >= SETTINGS_MEMORY_MIB_MIN && mib <= SETTINGS_MEMORY_MIB_MAX)
		return 0;
	cfg_error(cfg, "memory is %d to %d MiB, not %ld", SETTINGS_MEMORY_MIB_MIN,
		SETTINGS_MEMORY_MIB_MAX, mib);
	return -1;
}

void settings_check_install(cfg_t *cfg)
{
	static const struct {
		const char *key;
		cfg_validate_callback_t check;
	} checks[] = { { "socket", check_socket }, { "state", check_path },
		{ "policy", check_path }, { "libexec", check_path }, { "backend", check_backend },
		{ "backend|type", check_type }, { "backend|module", check_path },
		{ "backend|watch", check_watch }, { "backend|env", check_env },
		{ "backend|threads", check_threads }, { "backend|busy_poll_us", check_busy_poll },
		{ "backend|memory", check_memory }, { "backend|call_timeout", check_call_timeout },
		{ "backend|record", check_record }, { "token|record", check_record },
		{ "token", check_token }, { "token|pin_file", check_path },
		{ "token|so_pin_file", check_path }, { "token|pin_users", check_pin_users },
		{ "rights", check_rights }, { "rights|users", check_users },
		{ "rights|groups", check_groups }, { "rights|tokens", check_match },
		{ "rights|allow", check_allow }, { "rights|mechanisms", check_mechanism } };

	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		(void)cfg_set_validate_func(cfg, checks[i].key, checks[i].check);
}

static bool token_has_backend(cfg_t *cfg, cfg_t *token)
{
	const char *backend = cfg_getstr(token, "backend");

	if (!backend || cfg_gettsec(cfg, "backend", backend))
		return true;
	log_error("agent: %s: token \"%s\": there is no backend \"%s\"", cfg->filename,
		cfg_title(token), backend);
	return false;
}

bool settings_check_whole(cfg_t *cfg)
{
	for (unsigned i = 0; i < cfg_size(cfg, "token"); i++)
		if (!token_has_backend(cfg, cfg_getnsec(cfg, "token", i)))
			return false;
	if (cfg_size(cfg, "backend") > 0)
		return true;
	log_error("agent: %s: no backend is configured; for SoftHSM2 write backend \"softhsm\" "
		  "{ type = pkcs11 module = \"/usr/lib/softhsm/libsofthsm2.so\" }",
		cfg->filename);
	return false;
}
