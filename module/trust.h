/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the other end of the socket may be told a PIN. */
#ifndef IOTHSM_TRUST_H
#define IOTHSM_TRUST_H

#include <stdbool.h>

/* True when the peer is root, the user iothsm of /etc/passwd, or ourselves. */
bool trust_peer(int fd);

#endif
