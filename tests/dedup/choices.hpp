// SPDX-License-Identifier: Apache-2.0
// Where a model test's decisions come from: a seed, or the bytes of a fuzzer's input. So one model serves
// both.
#pragma once

#include <cstdint>
#include <functional>

namespace samepage::dedup {

/// Any number below `below`, which is not 0.
using Choose = std::function<std::uint32_t(std::uint32_t below)>;

}  // namespace samepage::dedup
