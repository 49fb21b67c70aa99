/* SPDX-License-Identifier: Apache-2.0 */
/* Splits JSON text into its members without parsing them, so that one bad member hides no other. */
#ifndef IOTHSM_SKIM_H
#define IOTHSM_SKIM_H

#include "bytes.h"

struct skim {
	struct bytes text;
	size_t at;
	bool object;
	bool complete;
	bool started;
};

/* False unless the text begins (after white space) as an object or array. */
bool skim_object(struct skim *skim, struct bytes text);
bool skim_array(struct skim *skim, struct bytes text);

/*
 * The next member as raw text, the key of an object without its quotes and escapes left as they are
 * (key may be NULL). False at the end and at the first place that no parser could follow; nesting
 * costs neither stack nor memory.
 */
bool skim_next(struct skim *skim, struct bytes *key, struct bytes *value);

/* True when the closing bracket was met and only white space follows. */
bool skim_is_complete(const struct skim *skim);

#endif
