// SPDX-License-Identifier: Apache-2.0
// The sets of memory that a case is measured on, as they are named on the command line: a folder of RAM
// images, or a generated set with what its pages are.
#pragma once

#include <string>

#include "bench/options.hpp"

namespace samepage::bench {

/// `options` with its images and pattern replaced by those of `set`: "FOLDER", whose *.ram files are the
/// images in the order of their names, or "generated[:KEY=VALUE,...]". Keys: guests, pages, zero, common,
/// alike, own (percentages; own: the rest, if absent), run and zero-run (pages), lengths (fixed or spread),
/// seed. What is not named is as in `options`. Throws UserError.
Options on_set(Options options, const std::string& set);

/// What the set is called: the name of the folder, or what was typed.
std::string name_of_set(const std::string& set);

}  // namespace samepage::bench
