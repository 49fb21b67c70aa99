/* SPDX-License-Identifier: Apache-2.0 */
/* Mechanism parameters that hold pointers, flattened for the wire by one table; all others are
 * opaque bytes. */
#ifndef IOTHSM_MECHANISM_H
#define IOTHSM_MECHANISM_H

#include "arena.h"
#include "attributes.h"

/*
 * The parameter as bytes; where it holds pointers, its size, the structure and what its pointers
 * name. NULL parameter: absent bytes. CKR_MECHANISM_PARAM_INVALID when the length does not fit a
 * known structure, or NULL comes with a length; CKR_HOST_MEMORY. The view may point to the caller's
 * own parameter.
 */
CK_RV mechanism_flatten(
	const CK_MECHANISM *mechanism, struct arena *arena, struct bytes *parameter);

/* The opposite, checked: every pointer is rebuilt inside the arena, lengths must add up exactly. */
CK_RV mechanism_unflatten(CK_MECHANISM_TYPE type, struct bytes parameter, struct arena *arena,
	CK_MECHANISM *mechanism);

#endif
