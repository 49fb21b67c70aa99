/* SPDX-License-Identifier: Apache-2.0 */
/* Only a certificate with exactly the ephemeral profile speaks for a CA. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cleanup.h"
#include "profile.h"
#include "support/vectors.h"

static void recorded_ephemeral_certificates_have_the_profile(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vector_runs); i++) {
		CLEANUP(x509)
		X509 *cert = vector_cert(vector_runs[i].name, "01_ephemeral_cert.pem");
		CLEANUP(x509) X509 *ca = vector_cert("keys", vector_runs[i].ca);

		assert_null(profile_fault(cert, ca, VECTOR_TIME_S));
	}
}

static void certificate_is_refused_before_and_after_its_time(void **state)
{
	CLEANUP(x509) X509 *cert = vector_cert("run_ec", "01_ephemeral_cert.pem");
	CLEANUP(x509) X509 *ca = vector_cert("keys", "hsmca_ec.pem");

	(void)state;
	assert_string_equal(profile_fault(cert, ca, VECTOR_TIME_S + 3600),
		"is not valid now or lives longer than 15 minutes");
	assert_string_equal(profile_fault(cert, ca, VECTOR_TIME_S - 3600),
		"is not valid now or lives longer than 15 minutes");
}

static void certificate_of_another_ca_is_refused(void **state)
{
	CLEANUP(x509) X509 *cert = vector_cert("run_ec", "01_ephemeral_cert.pem");
	CLEANUP(x509) X509 *ca = vector_cert("keys", "hsmca_rsa.pem");

	(void)state;
	assert_string_equal(profile_fault(cert, ca, VECTOR_TIME_S), "has another issuer");
}

static void leaf_of_the_ca_is_refused(void **state)
{
	CLEANUP(x509) X509 *cert = vector_cert("ext", "none.pem");
	CLEANUP(x509) X509 *ca = vector_cert("keys", "hsmca_rsa.pem");

	(void)state;
	assert_string_equal(profile_fault(cert, ca, VECTOR_TIME_S), "has another subject");
}

/* An extension is taken out, put at the end, or made uncritical. */
static const char *fault_after(int index, int critical, bool back)
{
	CLEANUP(x509) X509 *cert = vector_cert("run_ec", "01_ephemeral_cert.pem");
	CLEANUP(x509) X509 *ca = vector_cert("keys", "hsmca_ec.pem");
	CLEANUP(x509_extension) X509_EXTENSION *extension = X509_delete_ext(cert, index);

	assert_int_equal(X509_EXTENSION_set_critical(extension, critical), 1);
	if (back)
		assert_int_equal(X509_add_ext(cert, extension, index), 1);
	return profile_fault(cert, ca, VECTOR_TIME_S);
}

static void missing_or_uncritical_extension_is_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_string_equal(fault_after(i, 1, false), "has other extensions");
	assert_string_equal(fault_after(2, 0, true), "has other extensions");
	assert_string_equal(fault_after(3, 0, true), "has other extensions");
	assert_null(fault_after(3, 1, true));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_ephemeral_certificates_have_the_profile),
		cmocka_unit_test(certificate_is_refused_before_and_after_its_time),
		cmocka_unit_test(certificate_of_another_ca_is_refused),
		cmocka_unit_test(leaf_of_the_ca_is_refused),
		cmocka_unit_test(missing_or_uncritical_extension_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
