/* SPDX-License-Identifier: Apache-2.0 */
/* The slots as last heard of, for lists that stay stable and for an agent that is away. */
#ifndef IOTHSM_SLOT_H
#define IOTHSM_SLOT_H

void slot_forget_parent(void); /* forked child */
void slot_forget_all(void);    /* C_Finalize */

#endif
