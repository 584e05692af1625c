// SPDX-License-Identifier: Apache-2.0
// What a guest may be called. A name is also a file name (the guest's socket) and a word on the command line.
#pragma once

#include <string>
#include <string_view>

#include "dedup/protocol.hpp"
#include "vmm/control/is_guest_name.hpp"

namespace samepage::vmm {

static_assert(max_guest_name == dedup::wire::max_name - 1);

/// The rule, for whoever wrote `name`.
std::string not_a_guest_name(std::string_view name);

/// Throws UserError with the rule when `name` is no guest name.
void require_guest_name(std::string_view name);

/// A guest name made of the last part of an image's path: other characters become '-', the end is cut so that
/// "-NUMBER" fits behind it.
std::string base_name_of_image(std::string_view image);

}  // namespace samepage::vmm
