// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/cpuid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

namespace samepage::vmm {
namespace {

using Entry = kvm_cpuid_entry2;

constexpr std::uint32_t vmm_leaf = 0x4000'0000;     // KVM's signature; eax: its last leaf
constexpr std::uint32_t timing_leaf = 0x4000'0010;  // eax: TSC kHz, ebx: LAPIC timer kHz
constexpr std::uint32_t lapic_khz = 1'000'000;      // KVM's LAPIC ticks once a nanosecond

constexpr std::uint32_t bits(std::uint32_t value, std::uint32_t mask, unsigned shift, std::uint32_t field) {
  return (value & ~(mask << shift)) | ((field & mask) << shift);
}

unsigned id_bits(unsigned cpus) {
  return static_cast<unsigned>(std::bit_width(cpus - 1));
}

void set_flag(std::uint32_t& word, unsigned bit, bool value) {
  word = bits(word, 1, bit, value ? 1 : 0);
}

void fix_features(Entry& entry, CpuTopology topology, TimerFeatures timer) {
  const std::uint32_t logical = std::min(topology.cpus, 255U);
  entry.ebx = bits(entry.ebx, 0xff, 24, std::min(topology.cpu, 255U));
  entry.ebx = bits(entry.ebx, 0xff, 16, logical);
  set_flag(entry.ecx, 3, false);  // MONITOR: would leave the guest, or the host's core, idle for good
  // VMX and SMX: the tables of a guest's own guests would pin pages by physical address, behind every
  // remapping.
  set_flag(entry.ecx, 5, false);
  set_flag(entry.ecx, 6, false);
  set_flag(entry.ecx, 15, false);  // PDCM: no performance monitoring below
  set_flag(entry.ecx, 24, timer.tsc_deadline);
  set_flag(entry.ecx, 31, true);  // under a hypervisor
  set_flag(entry.edx, 28, topology.cpus > 1);
}

// Leaf 4 (Intel) and 0x8000001d (AMD) have the same fields: level 1 and 2 are a core's own.
void fix_cache(Entry& entry, CpuTopology topology) {
  const std::uint32_t level = (entry.eax >> 5U) & 0x7U;
  if ((entry.eax & 0x1fU) == 0) return;  // the last sub-leaf
  entry.eax = bits(entry.eax, 0xfff, 14, level >= 3 ? topology.cpus - 1 : 0);
  if (entry.function == 4) entry.eax = bits(entry.eax, 0x3f, 26, std::min(topology.cpus - 1, 0x3fU));
}

void fix_amd_size(Entry& entry, CpuTopology topology) {
  entry.ecx = bits(entry.ecx, 0xff, 0, std::min(topology.cpus - 1, 0xffU));
  entry.ecx = bits(entry.ecx, 0xf, 12, id_bits(topology.cpus));
}

void clear(Entry& entry) {
  entry.eax = entry.ebx = entry.ecx = entry.edx = 0;
}

void fix(Entry& entry, CpuTopology topology, TimerFeatures timer) {
  switch (entry.function) {
    case 0x1:
      return fix_features(entry, topology, timer);
    case 0x4:
    case 0x8000'001d:
      return fix_cache(entry, topology);
    case 0x5:          // MONITOR
    case 0xa:          // performance monitoring: differs from host to host, and no tiny guest wants it
    case 0x1f:         // the host's dies and modules
    case 0x8000'000a:  // SVM
      return clear(entry);
    case 0x8000'0001:
      set_flag(entry.ecx, 2, false);   // SVM, as VMX above
      set_flag(entry.ecx, 12, false);  // SKINIT
      return;
    case 0x8000'0008:
      return fix_amd_size(entry, topology);
    case 0x8000'001e:
      entry.eax = topology.cpu;
      entry.ebx = topology.cpu & 0xffU;  // core id, one thread each
      entry.ecx = entry.edx = 0;
      return;
    case vmm_leaf:
      if (timer.tsc_khz != 0) entry.eax = std::max(entry.eax, timing_leaf);
      return;
    default:
      return;
  }
}

// Extended topology (SDM 2A, leaf 0BH): level 0 threads of a core, level 1 cores of the package, then none.
void add_extended_topology(std::vector<Entry>& entries, CpuTopology topology) {
  constexpr std::uint32_t leaf = 0xb;
  const std::uint32_t id = topology.cpu;
  const auto level = [&](std::uint32_t index, std::uint32_t shift, std::uint32_t count, std::uint32_t type) {
    Entry entry{};
    entry.function = leaf;
    entry.index = index;
    entry.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
    entry.eax = shift;
    entry.ebx = count;
    entry.ecx = (type << 8U) | index;
    entry.edx = id;
    entries.push_back(entry);
  };
  const auto largest = [](const Entry& entry) { return entry.function == 0 && entry.eax < leaf; };
  if (std::any_of(entries.begin(), entries.end(), largest)) return;  // the CPU is too old for it
  level(0, 0, 1, 1);
  level(1, id_bits(topology.cpus), topology.cpus, 2);
  level(2, 0, 0, 0);
}

void add_timing(std::vector<Entry>& entries, std::uint32_t tsc_khz) {
  const auto is_timing = [](const Entry& entry) { return entry.function == timing_leaf; };
  if (tsc_khz == 0 || std::any_of(entries.begin(), entries.end(), is_timing)) return;
  Entry entry{};
  entry.function = timing_leaf;
  entry.eax = tsc_khz;
  entry.ebx = lapic_khz;
  entries.push_back(entry);
}

/// A register of a leaf whose bits are features.
struct FeatureWord {
  std::uint32_t function;
  std::uint32_t index;
  std::uint32_t Entry::*word;
  const char* name;
};
constexpr std::array feature_words{
    FeatureWord{0x1, 0, &Entry::ecx, "ecx"},         FeatureWord{0x1, 0, &Entry::edx, "edx"},
    FeatureWord{0x6, 0, &Entry::eax, "eax"},         FeatureWord{0x7, 0, &Entry::ebx, "ebx"},
    FeatureWord{0x7, 0, &Entry::ecx, "ecx"},         FeatureWord{0x7, 0, &Entry::edx, "edx"},
    FeatureWord{0x7, 1, &Entry::eax, "eax"},         FeatureWord{0x7, 1, &Entry::edx, "edx"},
    FeatureWord{0x7, 2, &Entry::edx, "edx"},         FeatureWord{0xd, 0, &Entry::eax, "eax"},
    FeatureWord{0xd, 0, &Entry::edx, "edx"},         FeatureWord{0xd, 1, &Entry::eax, "eax"},
    FeatureWord{0xd, 1, &Entry::ecx, "ecx"},         FeatureWord{vmm_leaf + 1, 0, &Entry::eax, "eax"},
    FeatureWord{0x8000'0001, 0, &Entry::ecx, "ecx"}, FeatureWord{0x8000'0001, 0, &Entry::edx, "edx"},
    FeatureWord{0x8000'0007, 0, &Entry::edx, "edx"}, FeatureWord{0x8000'0008, 0, &Entry::ebx, "ebx"},
    FeatureWord{0x8000'0021, 0, &Entry::eax, "eax"},
};

const Entry* find(const std::vector<Entry>& entries, std::uint32_t function, std::uint32_t index) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    return entry.function == function && entry.index == index;
  });
  return found == entries.end() ? nullptr : &*found;
}

bool same_vendor(const Entry* a, const Entry* b) {
  return a != nullptr && b != nullptr && a->ebx == b->ebx && a->ecx == b->ecx && a->edx == b->edx;
}

}  // namespace

std::optional<std::string> missing_feature(const std::vector<Entry>& told,
                                           const std::vector<Entry>& available) {
  if (!same_vendor(find(told, 0, 0), find(available, 0, 0))) return "another maker";
  for (const auto& [function, index, word, name] : feature_words) {
    const Entry* const needed = find(told, function, index);
    const Entry* const here = find(available, function, index);
    const std::uint32_t missing =
        (needed == nullptr ? 0 : needed->*word) & ~(here == nullptr ? 0 : here->*word);
    if (missing == 0) continue;
    return fmt::format("the feature of CPUID leaf {:#x}.{}, {} bit {}", function, index, name,
                       std::countr_zero(missing));
  }
  return std::nullopt;
}

std::vector<Entry> guest_cpuid(std::vector<Entry> supported, CpuTopology topology, TimerFeatures timer) {
  std::erase_if(supported, [](const Entry& entry) { return entry.function == 0xb; });
  for (Entry& entry : supported) fix(entry, topology, timer);
  add_extended_topology(supported, topology);
  add_timing(supported, timer.tsc_khz);
  return supported;
}

}  // namespace samepage::vmm
