// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/cpuid.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace samepage::vmm {
namespace {

using Entries = std::vector<kvm_cpuid_entry2>;

kvm_cpuid_entry2 entry(std::uint32_t function, std::uint32_t index, std::uint32_t eax, std::uint32_t ebx,
                       std::uint32_t ecx, std::uint32_t edx) {
  return {function, index, 0, eax, ebx, ecx, edx, {}};
}

const kvm_cpuid_entry2& find(const Entries& entries, std::uint32_t function, std::uint32_t index = 0) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const auto& candidate) {
    return candidate.function == function && candidate.index == index;
  });
  EXPECT_NE(found, entries.end()) << std::hex << function;
  return *found;
}

/// What a host with 16 APIC ids a package, MONITOR and performance counters might support.
Entries host() {
  return {entry(0, 0, 0x1f, 0, 0, 0),
          entry(1, 0, 0xf00, 0x0710'0800, 0x8268, 0x1000'0000),
          entry(4, 0, 0xfc00'c121, 1, 2, 3),
          entry(4, 3, 0xfc07'c163, 1, 2, 3),
          entry(0xa, 0, 0x0830'0805, 0, 0, 6),
          entry(0xb, 0, 1, 2, 0x100, 7),
          entry(0xb, 1, 4, 16, 0x201, 7),
          entry(0x4000'0000, 0, 0x4000'0001, 1, 2, 3),
          entry(0x8000'0001, 0, 1, 2, 0x1007, 4),
          entry(0x8000'0008, 0, 48, 0, 0x4007, 0),
          entry(0x8000'000a, 0, 1, 0x8000, 0, 0x1f)};
}

TEST(Cpuid, FeaturesNameTheVcpu) {
  const auto features = find(guest_cpuid(host(), {3, 4}, {true, 0}), 1);
  EXPECT_EQ(features.ebx >> 24U, 3U);
  EXPECT_EQ((features.ebx >> 16U) & 0xffU, 4U);
  EXPECT_EQ(features.ebx & 0xffffU, 0x0800U);  // CLFLUSH size and brand stay
}

TEST(Cpuid, FeaturesFitTheMachine) {
  const auto features = find(guest_cpuid(host(), {0, 1}, {true, 0}), 1);
  EXPECT_EQ(features.ecx & (1U << 3U), 0U) << "MONITOR";
  EXPECT_EQ(features.ecx & (1U << 15U), 0U) << "PDCM";
  EXPECT_NE(features.ecx & (1U << 24U), 0U) << "TSC deadline";
  EXPECT_NE(features.ecx & (1U << 31U), 0U) << "hypervisor";
  EXPECT_EQ(features.edx & (1U << 28U), 0U) << "several logical CPUs";
  EXPECT_EQ(find(guest_cpuid(host(), {0, 1}, {false, 0}), 1).ecx & (1U << 24U), 0U);
}

// A guest's own guests would have their pages pinned by physical address.
TEST(Cpuid, NoGuestHasGuestsOfItsOwn) {
  const auto entries = guest_cpuid(host(), {0, 1}, {true, 0});
  EXPECT_EQ(find(entries, 1).ecx & (1U << 5U), 0U) << "VMX";
  EXPECT_EQ(find(entries, 1).ecx & (1U << 6U), 0U) << "SMX";
  EXPECT_EQ(find(entries, 0x8000'0001).ecx, 3U) << "SVM and SKINIT";
  const auto svm = find(entries, 0x8000'000a);
  EXPECT_EQ(svm.eax | svm.ebx | svm.ecx | svm.edx, 0U);
}

TEST(Cpuid, ExtendedTopologyIsOnePackageOfCores) {
  const auto entries = guest_cpuid(host(), {2, 3}, {});
  const auto threads = find(entries, 0xb, 0);
  EXPECT_EQ(threads.eax, 0U);
  EXPECT_EQ(threads.ebx, 1U);
  EXPECT_EQ(threads.ecx, 0x100U);
  EXPECT_EQ(threads.edx, 2U);
  const auto cores = find(entries, 0xb, 1);
  EXPECT_EQ(cores.eax, 2U);  // 3 CPUs need 2 bits
  EXPECT_EQ(cores.ebx, 3U);
  EXPECT_EQ(cores.ecx, 0x201U);
  EXPECT_EQ(find(entries, 0xb, 2).ecx, 2U);
}

TEST(Cpuid, OneCpuNeedsNoIdBits) {
  EXPECT_EQ(find(guest_cpuid(host(), {0, 1}, {}), 0xb, 1).eax, 0U);
}

TEST(Cpuid, OldCpusGetNoExtendedTopology) {
  const auto entries = guest_cpuid({entry(0, 0, 0xa, 0, 0, 0)}, {0, 1}, {});
  EXPECT_EQ(entries.size(), 1U);
}

TEST(Cpuid, CachesAreSharedByThePackageOrNotAtAll) {
  const auto entries = guest_cpuid(host(), {0, 4}, {});
  EXPECT_EQ((find(entries, 4, 0).eax >> 14U) & 0xfffU, 0U);
  EXPECT_EQ((find(entries, 4, 3).eax >> 14U) & 0xfffU, 3U);
  EXPECT_EQ(find(entries, 4, 3).eax >> 26U, 3U);
}

TEST(Cpuid, AmdSizeIsTheGuests) {
  EXPECT_EQ(find(guest_cpuid(host(), {0, 4}, {}), 0x8000'0008).ecx, 0x2003U);
}

TEST(Cpuid, PerformanceCountersAreHidden) {
  const auto counters = find(guest_cpuid(host(), {0, 1}, {}), 0xa);
  EXPECT_EQ(counters.eax | counters.ebx | counters.ecx | counters.edx, 0U);
}

TEST(Cpuid, TimingLeafTellsTheTscFrequency) {
  const auto entries = guest_cpuid(host(), {0, 1}, {true, 2'400'000});
  EXPECT_EQ(find(entries, 0x4000'0010).eax, 2'400'000U);
  EXPECT_EQ(find(entries, 0x4000'0000).eax, 0x4000'0010U);
  EXPECT_EQ(find(guest_cpuid(host(), {0, 1}, {true, 0}), 0x4000'0000).eax, 0x4000'0001U);
}

std::vector<kvm_cpuid_entry2> told(std::uint32_t features, std::uint32_t maker = 7) {
  std::vector<kvm_cpuid_entry2> entries(2);
  entries[0].ebx = maker;
  entries[1].function = 7;
  entries[1].ebx = features;
  return entries;
}

TEST(MissingFeature, NoneWhereTheHostHasAllAndMore) {
  EXPECT_EQ(missing_feature(told(0x50), told(0x50)), std::nullopt);
  EXPECT_EQ(missing_feature(told(0x50), told(0x58)), std::nullopt);
  EXPECT_EQ(missing_feature(told(0), {told(0).front()}), std::nullopt);
}

TEST(MissingFeature, IsNamed) {
  EXPECT_EQ(missing_feature(told(0x58), told(0x50)), "the feature of CPUID leaf 0x7.0, ebx bit 3");
  EXPECT_EQ(missing_feature(told(0x40), {told(0).front()}), "the feature of CPUID leaf 0x7.0, ebx bit 6");
  EXPECT_EQ(missing_feature(told(0), told(0, 8)), "another maker");
  EXPECT_EQ(missing_feature({}, told(0)), "another maker");
}

}  // namespace
}  // namespace samepage::vmm
