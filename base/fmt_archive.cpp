// SPDX-License-Identifier: Apache-2.0
// Debian has fmt as a shared library and as headers. This is the archive of it that a static program needs:
// all that its headers define, compiled once (-fkeep-inline-functions).
#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <locale>

// What <fmt/chrono.h> calls where the compiler does not inline it: a template, which nothing above uses.
template std::locale fmt::detail::locale_ref::get<std::locale>() const;
