/* SPDX-License-Identifier: Apache-2.0 */
/* An agent that answers what a byte stream says, behind socket pairs and a clock that runs as it is
 * told. */
#ifndef IOTHSM_HOSTILE_AGENT_H
#define IOTHSM_HOSTILE_AGENT_H

#include "wire.h"

/* What is left of the input; zeros behind its end. */
struct script {
	const uint8_t *data;
	size_t len;
};

uint8_t script_byte(struct script *script);
uint64_t script_number(struct script *script);                /* a small one, or any 64 bits */
struct bytes script_bytes(struct script *script, size_t len); /* at most what is left */

/* From here on connections of this process lead to the agent of the script; NULL: none is there. */
void hostile_agent_play(struct script *script);

#endif
