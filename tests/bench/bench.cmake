# SPDX-License-Identifier: Apache-2.0
add_executable(bench bench/bench.c ../agent/host/mutex.c)
target_include_directories(bench PRIVATE ../agent/host)
target_link_libraries(bench PRIVATE iothsm-headers Threads::Threads ${CMAKE_DL_LIBS})
