/* SPDX-License-Identifier: Apache-2.0 */
/* The host of any PKCS#11 library (SoftHSM2, vendor modules): loads it and lends its function list.
 */
#include <dlfcn.h>

#include "backend.h"
#include "bytes.h"
#include "log.h"

static void *library_handle;

static CK_RV pkcs11_open(const char *library, CK_FUNCTION_LIST **functions)
{
	/* Stays mapped: what it hangs on a thread's end may run after we close it. */
	library_handle = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!library_handle) {
		log_error("backend: cannot load the library, check 'module' reason=\"%s\"",
			dlerror());
		return CKR_GENERAL_ERROR;
	}
	CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(library_handle, "C_GetFunctionList");

	if (!get) {
		log_error("backend: the library is no PKCS#11 module, check 'module' path=%s",
			library);
		return CKR_GENERAL_ERROR;
	}
	CK_RV rv = get(functions);

	if (rv == CKR_OK && !*functions)
		rv = CKR_GENERAL_ERROR;
	if (rv != CKR_OK)
		log_error("backend: C_GetFunctionList failed path=%s rv=0x%lx", library, rv);
	return rv;
}

static void pkcs11_close(void)
{
	if (library_handle)
		(void)dlclose(library_handle);
	library_handle = NULL;
}

int main(void)
{
	static const struct backend backend = { pkcs11_open, pkcs11_close };

	return host_run(&backend);
}
