/* SPDX-License-Identifier: Apache-2.0 */
/* bridge.conf, by libconfuse. */
#ifndef IOTHSM_BRIDGE_CONFIG_H
#define IOTHSM_BRIDGE_CONFIG_H

#include <iothsm/pkcs11-3.2.h>
#include <stdbool.h>
#include <stddef.h>

enum { CONFIG_WORKERS_MAX = 64, CONFIG_TOKENS_MAX = 64, CONFIG_PROBE_MAX_SECONDS = 30 };

/* A token whose PIN the bridge itself reads from a file. */
struct config_token {
	char *serial;
	char *pin_file;
};

struct config {
	char *platform;      /* origin, without a slash at the end */
	char *platform_ca;   /* PEM */
	char *tls_ca;        /* PEM or NULL */
	char *pubnub_origin; /* origin, without a slash at the end */
	char *module;
	char *state_dir;
	char *control;
	char *metrics; /* "unix:/path", "127.0.0.1:port", "[::1]:port" or NULL */
	long workers;
	long signing_window_s;
	long rescan_s;      /* 0: never by itself */
	bool subject_order; /* certificates name their subject as the request does */
	long probe_s;       /* of silence, before it is asked whether a token or PubNub is there */
	struct config_token *tokens;
	size_t token_count;
};

/* CKR_ARGUMENTS_BAD with the file and line logged. config is freed with config_reset() in any case.
 */
CK_RV config_load(const char *path, struct config *config);
void config_reset(struct config *config);

/* NULL when the bridge holds no PIN of that token. */
const char *config_pin_file(const struct config *config, const char *serial);

#endif
