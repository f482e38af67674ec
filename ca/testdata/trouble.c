// A PKCS#11 module that passes everything on to SoftHSM, and makes trouble as files in $TROUBLE say:
// hang: C_Sign does not return while the file is there; lie: a bit of the signature is wrong; old: there is no Ed25519.
// Each C_Login adds a byte to the file logins.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "pkcs11go.h"

static CK_FUNCTION_LIST ours;
static CK_FUNCTION_LIST_PTR theirs;

static int asked(const char *what) {
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", getenv("TROUBLE"), what);
	return access(path, F_OK) == 0;
}

static CK_RV trouble_sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG size, CK_BYTE_PTR signature, CK_ULONG_PTR length) {
	while (asked("hang")) usleep(1000);
	CK_RV rv = theirs->C_Sign(session, data, size, signature, length);
	if (rv == CKR_OK && signature != NULL && *length > 0 && asked("lie")) signature[*length - 1] ^= 1;
	return rv;
}

static CK_RV trouble_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG length) {
	char path[4096];
	snprintf(path, sizeof path, "%s/logins", getenv("TROUBLE"));
	FILE *f = fopen(path, "a");
	if (f != NULL) { fputc('x', f); fclose(f); }
	return theirs->C_Login(session, user, pin, length);
}

static CK_RV trouble_mechanism(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR info) {
	if (type == 0x1055 && asked("old")) return CKR_MECHANISM_INVALID;
	return theirs->C_GetMechanismInfo(slot, type, info);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
	if (theirs == NULL) {
		void *lib = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW);
		CK_C_GetFunctionList get = lib ? (CK_C_GetFunctionList)dlsym(lib, "C_GetFunctionList") : NULL;
		if (get == NULL || get(&theirs) != CKR_OK) return CKR_GENERAL_ERROR;
		ours = *theirs;
		ours.C_Sign = trouble_sign;
		ours.C_Login = trouble_login;
		ours.C_GetMechanismInfo = trouble_mechanism;
	}
	*list = &ours;
	return CKR_OK;
}
