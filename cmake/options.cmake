# SPDX-License-Identifier: Apache-2.0
# What every host target is built with. Guest programs are freestanding and take none of this.
set(SAMEPAGE_SANITIZE "" CACHE STRING "Sanitizers for the host programs: empty, address, thread or fuzz")

# There is a process of it for each guest, which starts in half the time (no libraries to be found and relocated) and
# with a third less memory of its own.
if(SAMEPAGE_SANITIZE STREQUAL "" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(static_by_default ON)
else()
  set(static_by_default OFF) # sanitizers can't, and clang can't make the archive of fmt
endif()
option(SAMEPAGE_STATIC "Link samepage without shared libraries" ${static_by_default})
if(SAMEPAGE_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
  set(samepage_fmt samepage_fmt)
  set(samepage_pugixml pugixml::static)
else()
  set(samepage_fmt fmt::fmt)
  set(samepage_pugixml pugixml::shared)
endif()

add_library(samepage_options INTERFACE)
target_include_directories(samepage_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(samepage_options INTERFACE
  -Wall -Wextra -Wpedantic
  $<$<NOT:$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>>:-Wshadow>  # several files in one compilation shadow each other's names
  -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # From -O2 on gcc 12 takes a string's insert() for a copy onto itself (GCC bug 105651), and an empty std::optional
  # for one that is read (80635).
  target_compile_options(samepage_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
# With sanitizers gcc warns of what is not there (conversions), and another compiler of what this one doesn't: the builds
# that developers and tests use decide.
option(SAMEPAGE_WARNINGS_ARE_ERRORS "Fail when the compiler warns" OFF)
if(SAMEPAGE_WARNINGS_ARE_ERRORS)
  target_compile_options(samepage_options INTERFACE -Werror)
endif()
if(SAMEPAGE_SANITIZE STREQUAL "address")
  # The check of virtual tables looks at memory through a pipe: a process without a descriptor for it is ended for an
  # error that it does not have.
  target_compile_options(samepage_options INTERFACE -fsanitize=address,undefined -fno-sanitize=vptr
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(samepage_options INTERFACE -fsanitize=address,undefined)
elseif(SAMEPAGE_SANITIZE STREQUAL "thread")
  # gcc's thread sanitizer does not model std::atomic_thread_fence, which Boost.Asio has in its headers: the daemon
  # has one thread, and our own code uses none.
  target_compile_options(samepage_options INTERFACE -fsanitize=thread -fno-omit-frame-pointer -Wno-tsan)
  target_link_options(samepage_options INTERFACE -fsanitize=thread)
elseif(SAMEPAGE_SANITIZE STREQUAL "fuzz")
  # Clang's: coverage for libFuzzer in everything, the fuzzer itself in the fuzz targets alone.
  target_compile_options(samepage_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(samepage_options INTERFACE -fsanitize=address,undefined)
elseif(NOT SAMEPAGE_SANITIZE STREQUAL "")
  message(FATAL_ERROR "SAMEPAGE_SANITIZE is '${SAMEPAGE_SANITIZE}'; it can be empty, address, thread or fuzz")
endif()

# samepage_library(NAME SOURCES... [LINK targets...]): one library a folder.
function(samepage_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC samepage_options ${ARG_LINK})
endfunction()
