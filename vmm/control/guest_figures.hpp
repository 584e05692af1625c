// SPDX-License-Identifier: Apache-2.0
// The figures of one guest: their values, as its process knows them, and the list that says what each is. A
// guest's answers to `ps` and `stat` are made from the list.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "base/figure.hpp"
#include "base/json.hpp"

namespace samepage::vmm {

struct GuestFigures {
  // What `ps` tells.
  std::string name, domain, state, image;
  std::uint64_t pid = 0;
  std::uint64_t cpus = 0;
  double uptime_s = 0;
  std::uint64_t ram_bytes = 0;
  // What `stat` tells besides.
  bool connected = false;
  std::uint64_t private_bytes = 0, swapped_bytes = 0, shared_bytes = 0, backed_bytes = 0, zero_bytes = 0,
                untouched_bytes = 0, paged_bytes = 0, paged_resident_bytes = 0;
  std::uint64_t worst_case_bytes = 0, available_bytes = 0;
  std::uint64_t pss_anon_bytes = 0, swap_pss_bytes = 0, rss_bytes = 0, page_table_bytes = 0;
  std::uint64_t vmas = 0;
  std::uint64_t passes = 0, merges = 0, breaks = 0, failed_merges = 0, paged_out = 0, came_back = 0;
  std::uint64_t holds = 0, hold_max_us = 0;
  nlohmann::json hold_times = nlohmann::json::object();  // dedup/hold_times_json.hpp
  std::uint64_t errors = 0;
  std::string confined;  // "yes", "no", "partly"
  bool jailed = false;
  std::string log;  // where its process and its agent tell of them
  std::uint64_t merge_cpu_us = 0;
  std::uint64_t cpu_user_us = 0, cpu_system_us = 0;
  nlohmann::json vcpus = nlohmann::json::array(), disks = nlohmann::json::array(),
                 nets = nlohmann::json::array();
  nlohmann::json orphaned_stores = nlohmann::json::array(), backing_files = nlohmann::json::array();
  nlohmann::json shortages = nlohmann::json::array();  // dedup/shortage_json.hpp
  nlohmann::json kept_out;  // why the host's policy keeps it from sharing; null: it does not
  nlohmann::json balloon;   // null: it has none, and JSON has no such key
};

/// `brief`: asks no page table.
enum class Told : std::uint8_t { brief, full };

struct GuestFigure {
  Figure figure;
  std::variant<std::uint64_t GuestFigures::*, double GuestFigures::*, bool GuestFigures::*,
               std::string GuestFigures::*, nlohmann::json GuestFigures::*>
      value;
  Told told = Told::full;
};

/// In the order in which they are shown. Lives for ever.
[[nodiscard]] std::span<const GuestFigure> guest_figures();

[[nodiscard]] nlohmann::json to_json(const GuestFigures& figures, Told told);

}  // namespace samepage::vmm
