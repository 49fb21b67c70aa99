# SPDX-License-Identifier: Apache-2.0
# The platform's signing jobs, apart from everything that talks to a network.
add_library(iothsm-jobs STATIC job.c job_asn1.c job_basic.c job_cause.c job_cms.c job_crl.c job_csr.c
	job_constraint.c job_custom.c job_database.c job_date.c job_ephemeral.c job_extension.c job_json.c job_location.c job_name.c
	job_policy.c job_sign.c job_subject.c job_usage.c)
target_include_directories(iothsm-jobs PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(iothsm-jobs PUBLIC iothsm-base PRIVATE m)
