// SPDX-License-Identifier: Apache-2.0
// The text of an exception for people.
#pragma once

#include <exception>
#include <string>

namespace samepage {

/// The text of `error`. Where memory, threads or address space were refused and a limit of this process may
/// be the reason, the text names the limit.
std::string error_text(const std::exception& error);

}  // namespace samepage
