// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/memory_parameters.hpp"

#include <fmt/format.h>
#include <libvirt/libvirt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "manage/libvirt/error.hpp"

namespace samepage::libvirt {
namespace {

using nlohmann::json;

struct Counter {
  const char* field;
  const char* figure;  // of the daemon
};
constexpr std::array<Counter, 5> counters{{
    {VIR_NODE_MEMORY_SHARED_PAGES_SHARED, "pages_shared"},
    {VIR_NODE_MEMORY_SHARED_PAGES_SHARING, "pages_sharing"},
    {VIR_NODE_MEMORY_SHARED_PAGES_UNSHARED, "pages_unshared"},
    {VIR_NODE_MEMORY_SHARED_PAGES_VOLATILE, "pages_volatile"},
    {VIR_NODE_MEMORY_SHARED_FULL_SCANS, "full_scans"},
}};

// The number that a knob's text begins with: "100ms".
std::uint32_t number_of(const std::string& text) {
  std::uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::uint32_t unsigned_value(const TypedParameter& parameter) {
  if (const auto* const value = std::get_if<std::uint32_t>(&parameter.value)) return *value;
  throw invalid_argument(fmt::format("parameter '{}' is an unsigned int", parameter.field));
}

}  // namespace

std::vector<TypedParameter> memory_parameters_of(const json& host, const json& knobs) {
  std::vector<TypedParameter> parameters;
  if (const auto interval = knobs.find("interval"); interval != knobs.end() && interval->is_string()) {
    parameters.push_back({VIR_NODE_MEMORY_SHARED_SLEEP_MILLISECS, number_of(interval->get<std::string>())});
  }
  parameters.push_back({VIR_NODE_MEMORY_SHARED_MERGE_ACROSS_NODES, std::uint32_t{1}});
  for (const Counter& counter : counters) {
    parameters.push_back({counter.field, host.value(counter.figure, std::uint64_t{0})});
  }
  return parameters;
}

json tune_request_for(std::span<const TypedParameter> parameters) {
  json request{{"do", "tune"}};
  for (const TypedParameter& parameter : parameters) {
    const std::string& field = parameter.field;
    if (field == VIR_NODE_MEMORY_SHARED_SLEEP_MILLISECS) {
      request["interval"] = fmt::format("{}ms", unsigned_value(parameter));
    } else if (field == VIR_NODE_MEMORY_SHARED_MERGE_ACROSS_NODES) {
      if (unsigned_value(parameter) == 1) continue;
      throw unsupported("Samepage merges across NUMA nodes; give guests of each node a domain of their own");
    } else if (field == VIR_NODE_MEMORY_SHARED_PAGES_TO_SCAN) {
      throw unsupported(
          "shm_pages_to_scan: Samepage looks at what was written and not at so many pages; "
          "'samepage tune cpu=N%' limits its work");
    } else if (std::any_of(counters.begin(), counters.end(),
                           [&](const Counter& counter) { return field == counter.field; })) {
      throw unsupported(fmt::format("parameter '{}' is a counter and can't be set", field));
    } else {
      throw unsupported(fmt::format("there is no parameter '{}'", field));
    }
  }
  return request;
}

}  // namespace samepage::libvirt
