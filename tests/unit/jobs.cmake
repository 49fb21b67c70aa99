# SPDX-License-Identifier: Apache-2.0
add_library(iothsm-test-jobs STATIC support/job_case.c)
target_include_directories(iothsm-test-jobs PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(iothsm-test-jobs PUBLIC iothsm-jobs iothsm-test-vectors PkgConfig::CMOCKA)

foreach(name job job_asn1 job_basic job_cms job_crl job_csr job_custom job_date job_ephemeral
	job_extension job_location job_name job_policy job_subject job_usage)
	iothsm_unit_test(${name} iothsm-test-jobs)
endforeach()
