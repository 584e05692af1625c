// SPDX-License-Identifier: Apache-2.0
#include "bench/floor.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <functional>

#include "base/check.hpp"
#include "base/json.hpp"
#include "base/mapping.hpp"
#include "base/memory_file.hpp"
#include "base/thread_use.hpp"
#include "bench/process_clock.hpp"
#include "bench/statistics.hpp"
#include "dedup/digest.hpp"

namespace samepage::bench {
namespace {

PageNames names_of(const Image& image, const dedup::DigestSecret& secret) {
  const Mapping memory = Mapping::anonymous(image.pages().bytes());
  image.load(memory.data());
  PageNames names;
  names.reserve(image.pages().value);
  for (std::uint64_t page = 0; page < image.pages().value; ++page) {
    const std::byte* const bytes = memory.data() + PageCount{page}.bytes();
    names.push_back(dedup::is_zero_page(bytes) ? PageName() : dedup::wide_hash_of_page(bytes, secret.data()));
  }
  return names;
}

// Told to the compiler as something that is used, or it would leave the reading out.
std::uint64_t sum_of(std::span<const std::byte> memory) {
  std::uint64_t sum = 0, word = 0;
  for (std::size_t at = 0; at < memory.size(); at += sizeof(word)) {
    std::memcpy(&word, memory.data() + at, sizeof(word));
    sum += word;
  }
  return sum;
}

std::chrono::nanoseconds timed(const std::function<void()>& work) {
  const auto before = thread_cpu_time();
  work();
  return thread_cpu_time() - before;
}

std::span<std::byte> bytes_of(const Mapping& memory, const SetRun& run) {
  return memory.bytes().subspan(PageCount{run.page}.bytes(), PageCount{run.count}.bytes());
}

}  // namespace

MemorySet memory_set_of(const std::vector<Image>& images) {
  const dedup::DigestSecret secret = dedup::random_digest_secret();
  std::vector<PageNames> guests;
  for (const Image& image : images) guests.push_back(names_of(image, secret));
  return memory_set_of(guests);
}

Floor measure_floor(const std::vector<Image>& images, const MemorySet& set) {
  // The frames, each a page of a file in memory as a store's are.
  const UniqueFd store = memory_file_with("samepage-bench-floor", {});
  check(::ftruncate(store.get(), static_cast<off_t>(PageCount{set.figures.frames}.bytes())), "ftruncate");
  Floor floor;
  volatile std::uint64_t sum = 0;
  for (std::size_t guest = 0; guest < images.size(); ++guest) {
    const Mapping memory = Mapping::anonymous(images[guest].pages().bytes());
    images[guest].load(memory.data());
    floor.read += timed([&] { sum = sum_of(memory.bytes()); });
    floor.give_back += timed([&] {
      for (const SetRun& run : set.guests[guest]) {
        const auto bytes = bytes_of(memory, run);
        check(::madvise(bytes.data(), bytes.size(), MADV_DONTNEED), "madvise(MADV_DONTNEED)");
      }
    });
    floor.map += timed([&] {
      for (const SetRun& run : set.guests[guest]) {
        if (!run.frame) continue;
        const auto bytes = bytes_of(memory, run);
        // SAFETY: over memory of our own that nobody uses; `memory` unmaps it with the rest.
        const void* const mapped = ::mmap(bytes.data(), bytes.size(), PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, store.get(),
                                          static_cast<off_t>(PageCount{*run.frame}.bytes()));
        // Where there are too many runs for one process, what is left costs nothing more.
        if (mapped == MAP_FAILED) break;
      }
    });
  }
  return floor;
}

Floor median_of(std::span<const Floor> floors) {
  const auto median = [&](std::chrono::nanoseconds Floor::*part) {
    std::vector<double> values;
    for (const Floor& floor : floors) values.push_back(static_cast<double>((floor.*part).count()));
    return std::chrono::nanoseconds(static_cast<std::int64_t>(spread_of(values).median));
  };
  return {median(&Floor::read), median(&Floor::give_back), median(&Floor::map)};
}

std::string text_of(const Floor& floor) {
  return fmt::format(
      "floor: {:.3f} s of processor time: reading it once {:.3f}, giving back {:.3f}, mapping runs {:.3f}",
      seconds(floor.total()), seconds(floor.read), seconds(floor.give_back), seconds(floor.map));
}

nlohmann::json json_of(const Floor& floor) {
  return {{"total", seconds(floor.total())},
          {"read", seconds(floor.read)},
          {"give_back", seconds(floor.give_back)},
          {"map", seconds(floor.map)}};
}

}  // namespace samepage::bench
