// SPDX-License-Identifier: Apache-2.0
#include "base/standard_output.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <string>

#include "base/check.hpp"
#include "base/outlet.hpp"

namespace samepage {
namespace {

constexpr int patience_ms = 1000;

}  // namespace

bool print_out(std::string_view text, int stop) {
  const Delivery delivery = write_all(Outlet(STDOUT_FILENO), text, stop);
  if (delivery.error == EPIPE) throw ReaderGone();
  if (delivery.error != 0) {
    errno = delivery.error;
    throw_errno("write to standard output");
  }
  return delivery.left == 0;
}

void print_err(std::string_view text) noexcept {
  static std::atomic<bool> unread = false;
  try {
    const Delivery delivery = write_all(Outlet(STDERR_FILENO), text, -1, unread ? 0 : patience_ms);
    unread = delivery.left != 0 && delivery.error == 0;
  } catch (const std::exception&) {
    // There is no memory for the text. The exit status still tells.
  }
}

void complain(std::string_view line) noexcept {
  try {
    print_err(std::string(line) + "\n");
  } catch (const std::exception&) {
    print_err(line);
  }
}

}  // namespace samepage
