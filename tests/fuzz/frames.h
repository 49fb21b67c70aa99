/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs that are several calls: who sends each of them, a length, and a payload. */
#ifndef IOTHSM_FRAMES_H
#define IOTHSM_FRAMES_H

#include "bytes.h"

/* Handles of the mock token's keys, the same in each run. */
#define FRAMES_PRIVATE_KEY 0x9491e64fc9eabffUL
#define FRAMES_PUBLIC_KEY  0xd51f1f7f658bf70UL

enum { FRAMES_HEADER_LEN = 3, FRAMES_MAX = 16 };

/* The next call of an input; the last one may be cut short. */
static inline bool frames_next(struct bytes *rest, uint8_t *who, struct bytes *payload)
{
	if (rest->len < FRAMES_HEADER_LEN)
		return false;
	size_t len = (size_t)rest->data[1] | (size_t)rest->data[2] << 8;
	size_t left = rest->len - FRAMES_HEADER_LEN;

	*who = rest->data[0];
	*payload = bytes_of(rest->data + FRAMES_HEADER_LEN, len < left ? len : left);
	*rest = bytes_of(payload->data + payload->len, left - payload->len);
	return true;
}

#endif
