/* SPDX-License-Identifier: Apache-2.0 */
/* The crl job. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/pem.h>

#include "cleanup.h"
#include "json.h"
#include "support/job_case.h"
#include "support/vectors.h"

#define LINE(type, revoked, serial)                                                                \
	type "\t271231235959Z\t" revoked "\t" serial "\tunknown\t/CN=x\n"

static X509_CRL *read_crl(struct job_case *job_case, const char *text)
{
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(text, -1);
	X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);

	assert_non_null(crl);
	assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(job_case->ca.cert)), 1);
	return crl;
}

static json_t *request_for(const char *database)
{
	return json_pack("{s:i, s:s}", "days", 30, "database", database);
}

static X509_CRL *make_crl(struct job_case *job_case, const char *database)
{
	CLEANUP(json) json_t *request = request_for(database);
	CLEANUP(free) char *json = json_print(request);
	CLEANUP(free) char *text = job_case_run(job_case, "crl", json);

	return read_crl(job_case, text);
}

static void assert_bad(struct job_case *job_case, const char *database, const char *cause)
{
	CLEANUP(json) json_t *request = request_for(database);
	CLEANUP(free) char *json = json_print(request);

	job_case_assert_fails(job_case, "crl", json, cause);
}

static const X509_REVOKED *entry(X509_CRL *crl, int at)
{
	const X509_REVOKED *found = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl), at);

	assert_non_null(found);
	return found;
}

static int64_t serial_at(X509_CRL *crl, int at)
{
	return ASN1_INTEGER_get(X509_REVOKED_get0_serialNumber(entry(crl, at)));
}

static long reason_at(X509_CRL *crl, int at)
{
	ASN1_ENUMERATED *reason =
		X509_REVOKED_get_ext_d2i(entry(crl, at), NID_crl_reason, NULL, NULL);
	long code = reason ? ASN1_ENUMERATED_get(reason) : -1;

	ASN1_ENUMERATED_free(reason);
	return code;
}

static int64_t crl_number(X509_CRL *crl)
{
	CLEANUP(asn1_integer)
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	int64_t value = 0;

	assert_int_equal(ASN1_INTEGER_get_int64(&value, number), 1);
	return value;
}

static void recorded_request_gives_a_version_2_list(void **state)
{
	CLEANUP(json) json_t *plain = vector_json("run_rsa", "22_crl_request_plain.json");
	CLEANUP(free) char *request = json_print(json_object_get(plain, "request"));
	CLEANUP(free) char *text = job_case_run(*state, "crl", request);
	CLEANUP(x509_crl) X509_CRL *crl = read_crl(*state, text);

	assert_int_equal(strncmp(text, "-----BEGIN X509 CRL-----\n", 25), 0);
	assert_int_equal(X509_CRL_get_version(crl), X509_CRL_VERSION_2);
	assert_int_equal(X509_CRL_get_signature_nid(crl), NID_sha256WithRSAEncryption);
	assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 1);
	assert_int_equal(serial_at(crl, 0), 0x0A1B);
	assert_int_equal(reason_at(crl, 0), 1);
	assert_memory_equal(ASN1_STRING_get0_data(X509_REVOKED_get0_revocationDate(entry(crl, 0))),
		"260102030405Z", 13);
}

static void list_carries_number_key_identifier_and_dates(void **state)
{
	struct job_case *job_case = *state;
	CLEANUP(x509_crl) X509_CRL *crl = make_crl(job_case, "");
	AUTHORITY_KEYID *identifier =
		X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);

	assert_int_equal(crl_number(crl), (int64_t)VECTOR_TIME_S * 1000);
	assert_int_equal(job_case->ca.crl_number, (int64_t)VECTOR_TIME_S * 1000);
	assert_int_equal(ASN1_OCTET_STRING_cmp(
				 identifier->keyid, X509_get0_subject_key_id(job_case->ca.cert)),
		0);
	assert_null(identifier->issuer);
	assert_memory_equal(
		ASN1_STRING_get0_data(X509_CRL_get0_lastUpdate(crl)), "261123153700Z", 13);
	assert_memory_equal(
		ASN1_STRING_get0_data(X509_CRL_get0_nextUpdate(crl)), "261223153700Z", 13);
	AUTHORITY_KEYID_free(identifier);
}

static void number_never_falls_below_the_given_minimum(void **state)
{
	struct job_case *job_case = *state;

	job_case->ca.crl_number_min = INT64_C(9000000000000000);
	CLEANUP(x509_crl) X509_CRL *crl = make_crl(job_case, "");

	assert_int_equal(crl_number(crl), INT64_C(9000000000000000));
}

static void empty_database_gives_an_empty_version_2_list(void **state)
{
	CLEANUP(x509_crl) X509_CRL *crl = make_crl(*state, "");

	assert_int_equal(X509_CRL_get_version(crl), X509_CRL_VERSION_2);
	assert_true(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)) <= 0);
}

static void only_revoked_lines_enter_the_list_sorted(void **state)
{
	CLEANUP(x509_crl)
	X509_CRL *crl = make_crl(*state, LINE("R", "260102030405Z", "0B") LINE("V", "", "0C") LINE(
						 "E", "", "0D") LINE("R", "260102030405Z", "0A"));

	assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 2);
	assert_int_equal(serial_at(crl, 0), 0x0A);
	assert_int_equal(serial_at(crl, 1), 0x0B);
	assert_int_equal(reason_at(crl, 0), -1);
}

static void last_line_needs_no_line_end_and_serials_may_be_lower_case(void **state)
{
	CLEANUP(x509_crl)
	X509_CRL *crl = make_crl(*state, "R\t271231235959Z\t260102030405Z\t0a1b\tunknown\t/CN=x");

	assert_int_equal(serial_at(crl, 0), 0x0A1B);
}

static void every_reason_has_its_code(void **state)
{
	static const struct {
		const char *text;
		long code;
	} cases[] = {
		{ "unspecified", 0 },
		{ "keyCompromise", 1 },
		{ "CACompromise", 2 },
		{ "affiliationChanged", 3 },
		{ "superseded", 4 },
		{ "cessationOfOperation", 5 },
		{ "certificateHold", 6 },
		{ "removeFromCRL", 8 },
		{ "holdInstruction,holdInstructionCallIssuer", 6 },
		{ "keyTime,20260102030405Z", 1 },
		{ "CAkeyTime,20260102030405Z", 2 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char database[160];

		(void)snprintf(database, sizeof(database),
			"R\t271231235959Z\t260102030405Z,%s\t01\tunknown\t/CN=x\n", cases[i].text);
		CLEANUP(x509_crl) X509_CRL *crl = make_crl(*state, database);

		assert_int_equal(reason_at(crl, 0), cases[i].code);
	}
}

static void arguments_of_reasons_become_extensions(void **state)
{
	CLEANUP(x509_crl)
	X509_CRL *crl = make_crl(*state,
		LINE("R", "260102030405Z,keyTime,20260102030405Z", "01")
			LINE("R", "260102030405Z,holdInstruction,holdInstructionReject", "02"));
	ASN1_GENERALIZEDTIME *time =
		X509_REVOKED_get_ext_d2i(entry(crl, 0), NID_invalidity_date, NULL, NULL);
	ASN1_OBJECT *hold =
		X509_REVOKED_get_ext_d2i(entry(crl, 1), NID_hold_instruction_code, NULL, NULL);

	assert_memory_equal(ASN1_STRING_get0_data(time), "20260102030405Z", 15);
	assert_int_equal(OBJ_obj2nid(hold), NID_hold_instruction_reject);
	ASN1_GENERALIZEDTIME_free(time);
	ASN1_OBJECT_free(hold);
}

static void bad_serials_fail_the_whole_job(void **state)
{
	assert_bad(*state, LINE("V", "", "0A") LINE("V", "", "0A1"),
		"Invalid database: line 2: bad serial number length");
	assert_bad(*state, LINE("R", "260102030405Z", ""),
		"Invalid database: line 1: bad serial number length");
	assert_bad(*state, LINE("R", "260102030405Z", "0X"),
		"Invalid database: line 1: bad serial number characters");
	assert_bad(*state, LINE("R", "260102030405Z", "0A") LINE("R", "260102030405Z", "000a"),
		"Invalid database: a serial number is revoked twice");
}

static void bad_lines_fail_the_whole_job(void **state)
{
	assert_bad(*state, "R\n", "Invalid database: line 1: needs six fields separated by tabs");
	assert_bad(*state, LINE("X", "", "0A"),
		"Invalid database: line 1: begins with none of R, V and E");
	assert_bad(*state, LINE("V", "260102030405Z", "0A"),
		"Invalid database: line 1: has a revocation date but is not revoked");
	assert_bad(*state, LINE("R", "", "0A"),
		"Invalid database: line 1: invalid revocation date, needs YYMMDDHHMMSSZ");
	assert_bad(*state, "V\tnever\t\t0A\tunknown\t/CN=x\n",
		"Invalid database: line 1: invalid expiry date, needs YYMMDDHHMMSSZ");
}

static void bad_reasons_fail_the_whole_job(void **state)
{
	assert_bad(*state, LINE("R", "260102030405Z,boredom", "0A"),
		"Invalid database: line 1: unknown revocation reason");
	assert_bad(*state, LINE("R", "260102030405Z,", "0A"),
		"Invalid database: line 1: unknown revocation reason");
	assert_bad(*state, LINE("R", "260102030405Z,superseded,x", "0A"),
		"Invalid database: line 1: this revocation reason takes no argument");
	assert_bad(*state, LINE("R", "260102030405Z,keyTime", "0A"),
		"Invalid database: line 1: this revocation reason needs an argument");
	assert_bad(*state, LINE("R", "260102030405Z,keyTime,soon", "0A"),
		"Invalid database: line 1: keyTime and CAkeyTime need YYYYMMDDHHMMSSZ");
	assert_bad(*state, LINE("R", "260102030405Z,holdInstruction,x", "0A"),
		"Invalid database: line 1: holdInstruction needs the name or number of an "
		"instruction");
}

static void request_without_days_or_database_is_refused(void **state)
{
	job_case_assert_fails(
		*state, "crl", "{\"database\":\"\"}", "Invalid days: must be a whole number");
	job_case_assert_fails(*state, "crl", "{\"database\":\"\",\"days\":null}",
		"Invalid days: must be a whole number");
	job_case_assert_fails(*state, "crl", "{\"days\":30}", "Invalid database: must be a text");
}

static void token_key_signs_a_list(void **state)
{
	CLEANUP(x509_crl) X509_CRL *crl = make_crl(*state, LINE("R", "260102030405Z", "0B"));

	assert_int_equal(X509_CRL_get_version(crl), X509_CRL_VERSION_2);
}

static void ed25519_ca_signs_a_list(void **state)
{
	CLEANUP(x509_crl) X509_CRL *crl = make_crl(*state, "");

	assert_int_equal(X509_CRL_get_signature_nid(crl), NID_ED25519);
}

#define WITH(setup, test)                                                                          \
	cmocka_unit_test_setup_teardown(test, job_case_setup_##setup, job_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(rsa, recorded_request_gives_a_version_2_list),
		WITH(ec, list_carries_number_key_identifier_and_dates),
		WITH(ec, number_never_falls_below_the_given_minimum),
		WITH(ec, empty_database_gives_an_empty_version_2_list),
		WITH(ec, only_revoked_lines_enter_the_list_sorted),
		WITH(ec, last_line_needs_no_line_end_and_serials_may_be_lower_case),
		WITH(ec, every_reason_has_its_code),
		WITH(ec, arguments_of_reasons_become_extensions),
		WITH(ec, bad_serials_fail_the_whole_job),
		WITH(ec, bad_lines_fail_the_whole_job),
		WITH(ec, bad_reasons_fail_the_whole_job),
		WITH(ec, request_without_days_or_database_is_refused),
		WITH(rsa_token, token_key_signs_a_list),
		WITH(ec_token, token_key_signs_a_list),
		WITH(ed25519, ed25519_ca_signs_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
