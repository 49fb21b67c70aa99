# SPDX-License-Identifier: Apache-2.0
# The codec of the platform's protocol, of which the stand-in uses the other side.
add_library(iothsm-protocol STATIC envelope.c message.c)
target_include_directories(iothsm-protocol PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(iothsm-protocol PUBLIC iothsm-base PRIVATE ZLIB::ZLIB m)
