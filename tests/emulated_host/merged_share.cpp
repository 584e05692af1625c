// SPDX-License-Identifier: Apache-2.0
// merged-share GUEST...: pauses the guests, waits until merging finds nothing more, and counts by comparing
// all their pages byte by byte what share of the duplicates is merged. Prints one line, and leaves the guests
// paused. The domain must have no other guests. Exit code 0 when it is 99 % or more.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "manage/cli/demo_count.hpp"
#include "manage/cli/guest_client.hpp"
#include "manage/guests/sampler.hpp"
#include "manage/guests/settling.hpp"

namespace {

using samepage::guests::number;
using samepage::guests::Snapshot;

constexpr std::uint64_t quiet_passes = 4;

std::uint64_t merged(const Snapshot& snapshot) {
  return number(snapshot.host, "pages_sharing") + number(snapshot.host, "zero_pages");
}

Snapshot settled() {
  fmt::print("waiting until nothing more is merged\n");
  std::fflush(stdout);
  samepage::guests::Settling settling(quiet_passes);
  while (true) {
    Snapshot now = samepage::guests::take_snapshot();
    if (settling.add(now.host)) return now;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

int count(const std::vector<std::string>& guests) {
  for (const std::string& guest : guests) samepage::cli::ask_guest(guest, {{"do", "pause"}});
  const Snapshot snapshot = settled();
  const auto duplicates = samepage::cli::count_in_guests(guests);
  const double percent =
      100.0 * static_cast<double>(merged(snapshot)) / static_cast<double>(duplicates.all());
  fmt::print("figure: merged {} of {} duplicates ({:.2f} %), {} of them zero pages; {} pages were touched\n",
             merged(snapshot), duplicates.all(), percent, duplicates.zero_pages,
             duplicates.zero_pages + duplicates.nonzero_pages);
  return percent >= 99 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return count({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "merged-share: {}\n", error.what());
    return 1;
  }
}
