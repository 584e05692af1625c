// SPDX-License-Identifier: Apache-2.0
#include "bench/first_touches.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <numeric>
#include <random>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/json.hpp"
#include "base/read_ahead.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

// Of each mapping in a round. A touch brings neighbours with it, so that a few of all pages tell enough.
constexpr unsigned touches_a_round = 4;

struct Faults {
  std::int64_t of_memory = 0;  // that needed no disk
  std::int64_t of_disk = 0;
};

Faults faults_of_this_thread() {
  rusage usage{};
  check(::getrusage(RUSAGE_THREAD, &usage), "getrusage");
  return {usage.ru_minflt, usage.ru_majflt};
}

// The pages of the files are in the page cache then, and in nobody's page tables.
void leave_in_cache(std::span<std::byte> memory) {
  read_ahead(memory);
  check(::madvise(memory.data(), memory.size(), MADV_POPULATE_READ), "madvise(MADV_POPULATE_READ)");
  check(::madvise(memory.data(), memory.size(), MADV_DONTNEED), "madvise(MADV_DONTNEED)");
}

// What is mapped the kernel drops from the page cache too.
void leave_on_disk(std::span<std::byte> memory) {
  read_ahead(memory);
  check(::madvise(memory.data(), memory.size(), MADV_POPULATE_READ), "madvise(MADV_POPULATE_READ)");
  check(::madvise(memory.data(), memory.size(), MADV_PAGEOUT), "madvise(MADV_PAGEOUT)");
}

void touch(std::byte* page, bool write) {
  // SAFETY: pages are aligned, and bytes of guest memory are written as numbers by this process only.
  auto* const word = reinterpret_cast<volatile std::uint64_t*>(page);
  if (write) {
    *word = 1;
  } else {
    static_cast<void>(*word);
  }
}

}  // namespace

FirstTouches::FirstTouches(Gate& gate, std::span<std::byte> memory, const std::string& folder)
    : gate_(gate),
      memory_(memory),
      plain_(Mapping::anonymous(memory.size())),
      order_(pages_in(memory.size()).value) {
  const UniqueFd file = checked_fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600),
                                   fmt::format("open of a file in {}", folder));
  if (!write_fully(file.get(), 0, memory) || ::fdatasync(file.get()) != 0)
    throw UserError(fmt::format("no room for {} MiB in {}: {}; name another folder with --disk",
                                memory.size() >> 20U, folder, std::strerror(errno)));
  // SAFETY: MAP_FIXED over memory of ours that nobody uses yet.
  if (::mmap(plain_.data(), plain_.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
             file.get(), 0) == MAP_FAILED)
    throw_errno("mmap");
  std::iota(order_.begin(), order_.end(), 0U);
  std::shuffle(order_.begin(), order_.end(), std::mt19937_64(1));
}

std::byte* FirstTouches::next(std::span<std::byte> of) {
  return of.data() + PageCount{order_[touched_ % order_.size()]}.bytes();
}

json FirstTouches::time(const json& request) {
  const bool from_disk = request.at("from") == "disk", write = request.at("kind") == "write";
  struct Side {
    std::span<std::byte> memory;
    std::vector<std::int64_t> times = {};
  };
  std::array sides{Side{memory_}, Side{plain_.bytes()}};
  for (unsigned round = 0; round < request.at("rounds").get<unsigned>(); ++round) {
    for (const Side& side : sides) from_disk ? leave_on_disk(side.memory) : leave_in_cache(side.memory);
    for (unsigned i = 0; i < touches_a_round; ++i, ++touched_) {
      for (Side& side : sides) {
        gate_.step([&] {
          std::byte* const page = next(side.memory);
          const Faults before = faults_of_this_thread();
          const auto start = Clock::now();
          touch(page, write);
          const auto end = Clock::now();
          const Faults after = faults_of_this_thread();
          if ((after.of_disk > before.of_disk) != from_disk) return;
          if (!from_disk && after.of_memory == before.of_memory) return;  // a neighbour's touch brought it
          side.times.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(end - start).count());
        });
      }
    }
  }
  return {{"out_ns", sides[0].times}, {"plain_ns", sides[1].times}};
}

}  // namespace samepage::bench
