/* SPDX-License-Identifier: Apache-2.0 */
/* Distinguished names of certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/pem.h>

#include "cleanup.h"
#include "job_parts.h"
#include "support/job_case.h"

static void names_come_in_policy_order_not_in_that_of_the_object(void **state)
{
	CLEANUP(x509)
	X509 *cert = job_case_issue(*state, "{\"subject\":{\"commonName\":\"c\","
					    "\"organizationName\":\"o\",\"countryName\":\"DE\"}}");

	job_case_assert_subject(cert, "C=DE,O=o,CN=c");
}

static void names_come_in_their_own_order_where_that_is_wanted(void **state)
{
	struct job_case *job_case = *state;

	job_case->ca.name_order = JOB_NAME_SUBJECT;
	CLEANUP(x509)
	X509 *cert =
		job_case_issue(*state, "{\"subject\":{\"commonName\":[\"c\",\"b\"],\"title\":false,"
				       "\"organizationName\":\"o\",\"countryName\":\"DE\"}}");

	job_case_assert_subject(cert, "CN=c,CN=b,O=o,C=DE");
}

static void list_gives_one_name_each_and_empty_values_none(void **state)
{
	CLEANUP(x509)
	X509 *cert = job_case_issue(*state,
		"{\"subject\":{\"organizationalUnitName\":[\"b\",\"\",\"a\"],\"commonName\":[],"
		"\"title\":null,\"surname\":\"\",\"UID\":false}}");

	job_case_assert_subject(cert, "OU=b,OU=a");
}

static void values_take_what_the_reference_took_for_syntax(void **state)
{
	CLEANUP(x509)
	X509 *cert =
		job_case_issue(*state, "{\"subject\":{\"commonName\":\"a/b=c+d,@e$f#\\ng\\\\\"}}");

	job_case_assert_subject(cert, "CN=\"a/b=c+d,@e$f#\\0Ag\\\\\"");
}

static void false_gives_an_empty_name(void **state)
{
	CLEANUP(x509) X509 *cert = job_case_issue(*state, "{\"subject\":false}");

	assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(cert)), 0);
}

static void unknown_attribute_is_refused_by_name(void **state)
{
	job_case_assert_refused(*state, "{\"subject\":{\"favouriteDrink\":\"x\"}}",
		"Invalid subject: favouriteDrink");
	job_case_assert_refused(
		*state, "{\"subject\":{\"2.5.4.3\":\"x\"}}", "Invalid subject: 2.5.4.3");
}

static void value_that_does_not_fit_its_type_is_refused(void **state)
{
	job_case_assert_refused(*state, "{\"subject\":{\"countryName\":\"Germany\"}}",
		"Invalid subject: countryName is too long, or has a character its type does not "
		"allow");
	job_case_assert_refused(*state, "{\"subject\":{\"emailAddress\":\"ü@example.com\"}}",
		"Invalid subject: emailAddress is too long, or has a character its type does not "
		"allow");
	job_case_assert_refused(*state, "{\"subject\":{\"title\":7}}",
		"Invalid subject: title must be a text or a list of texts");
	job_case_assert_refused(*state, "{\"subject\":{\"title\":[null]}}",
		"Invalid subject: title must be a text or a list of texts");
	job_case_assert_refused(
		*state, "{\"subject\":\"CN=x\"}", "Invalid subject: must be an object");
}

static void attributes_outside_the_policy_are_dropped_from_a_request(void **state)
{
	CLEANUP(x509_name) X509_NAME *csr = X509_NAME_new();
	CLEANUP(x509_name) X509_NAME *name = NULL;
	struct job_cause cause = { 0 };

	(void)state;
	X509_NAME_add_entry_by_txt(csr, "CN", MBSTRING_UTF8, (const uint8_t *)"c", -1, -1, 0);
	X509_NAME_add_entry_by_txt(
		csr, "unstructuredName", MBSTRING_UTF8, (const uint8_t *)"u", -1, -1, 0);
	X509_NAME_add_entry_by_txt(
		csr, "O", V_ASN1_PRINTABLESTRING, (const uint8_t *)"o", -1, -1, 1);
	assert_int_equal(X509_NAME_entry_count(csr), 3);
	assert_int_equal(job_subject_from_csr(csr, JOB_NAME_POLICY, &cause, &name), CKR_OK);

	assert_int_equal(X509_NAME_entry_count(name), 2);
	assert_int_equal(X509_NAME_ENTRY_set(X509_NAME_get_entry(name, 0)), 0);
	assert_int_equal(X509_NAME_ENTRY_set(X509_NAME_get_entry(name, 1)), 1);
	assert_int_equal(ASN1_STRING_type(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, 0))),
		V_ASN1_PRINTABLESTRING);
}

static void order_of_a_request_is_kept_where_that_is_wanted(void **state)
{
	CLEANUP(x509_name) X509_NAME *csr = X509_NAME_new();
	CLEANUP(x509_name) X509_NAME *name = NULL;
	struct job_cause cause = { 0 };

	(void)state;
	X509_NAME_add_entry_by_txt(csr, "CN", MBSTRING_UTF8, (const uint8_t *)"c", -1, -1, 0);
	X509_NAME_add_entry_by_txt(
		csr, "unstructuredName", MBSTRING_UTF8, (const uint8_t *)"u", -1, -1, 0);
	X509_NAME_add_entry_by_txt(csr, "C", MBSTRING_UTF8, (const uint8_t *)"DE", -1, -1, 0);
	assert_int_equal(job_subject_from_csr(csr, JOB_NAME_SUBJECT, &cause, &name), CKR_OK);

	assert_int_equal(X509_NAME_entry_count(name), 2);
	assert_int_equal(X509_NAME_get_index_by_NID(name, NID_commonName, -1), 0);
	assert_int_equal(X509_NAME_get_index_by_NID(name, NID_countryName, -1), 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, job_case_setup_ec, job_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(names_come_in_policy_order_not_in_that_of_the_object),
		CASE(names_come_in_their_own_order_where_that_is_wanted),
		CASE(list_gives_one_name_each_and_empty_values_none),
		CASE(values_take_what_the_reference_took_for_syntax),
		CASE(false_gives_an_empty_name),
		CASE(unknown_attribute_is_refused_by_name),
		CASE(value_that_does_not_fit_its_type_is_refused),
		CASE(attributes_outside_the_policy_are_dropped_from_a_request),
		CASE(order_of_a_request_is_kept_where_that_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
