/* SPDX-License-Identifier: Apache-2.0 */
/* What a token host executable gives to the host library: a PKCS#11 function list and how to get
 * it. */
#ifndef IOTHSM_BACKEND_H
#define IOTHSM_BACKEND_H

#include <iothsm/pkcs11-3.2.h>

struct backend {
	/* library: the configured path; the list stays valid until close(). Logs what failed. */
	CK_RV (*open)(const char *library, CK_FUNCTION_LIST **functions);
	void (*close)(void); /* after C_Finalize */
};

/* The whole life of a token host on the link at LINK_FD; the exit status of its process. */
int host_run(const struct backend *backend);

#endif
