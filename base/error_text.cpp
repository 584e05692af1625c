// SPDX-License-Identifier: Apache-2.0
#include "base/error_text.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <new>
#include <system_error>

#include "base/units.hpp"

namespace samepage {
namespace {

// Creating a thread fails with EAGAIN when there is no address space for its stack.
bool lacks_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  const auto* const failed = dynamic_cast<const std::system_error*>(&error);
  return failed != nullptr && (failed->code() == std::errc::not_enough_memory ||
                               failed->code() == std::errc::resource_unavailable_try_again);
}

}  // namespace

std::string error_text(const std::exception& error) {
  std::string text = error.what();
  if (!lacks_memory(error)) return text;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) text = "there is no memory left";
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return text;
  return fmt::format("{}; this process may use {} of address space, raise that limit with 'ulimit -v'", text,
                     format_size(limit.rlim_cur));
}

}  // namespace samepage
