/* SPDX-License-Identifier: Apache-2.0 */
/* C_WaitForSlotEvent: tokens that came or went, each told once to this process. */
#ifndef IOTHSM_WAIT_H
#define IOTHSM_WAIT_H

/* For a forked child, whatever locks the parent held. */
void wait_forget_parent(void);

#endif
