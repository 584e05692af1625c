// SPDX-License-Identifier: Apache-2.0
// The engine's small steps, one at a time: digest, index, records, store. This is what a page costs without
// the kernel; samepage-bench measures it with the kernel.
#include <benchmark/benchmark.h>

#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "base/mapping.hpp"
#include "base/types.hpp"
#include "dedup/daemon/digest_index.hpp"
#include "dedup/daemon/frame_store.hpp"
#include "dedup/daemon/merger.hpp"
#include "dedup/digest.hpp"

namespace samepage::dedup {
namespace {

// More memory than the caches hold: an agent never finds a guest's pages in them.
constexpr std::size_t cold_pages = 32768;

Mapping cold_memory(bool zero) {
  Mapping memory = Mapping::anonymous(PageCount{cold_pages}.bytes());
  std::mt19937_64 random(1);
  for (std::size_t page = 0; page < cold_pages; ++page) {
    std::byte* const start = memory.data() + PageCount{page}.bytes();
    std::fill_n(start, page_size, static_cast<std::byte>(zero ? 0 : random() | 1U));
  }
  return memory;
}

void digest_cold_page(benchmark::State& state) {
  const Mapping memory = cold_memory(false);
  const DigestSecret secret = random_digest_secret();
  std::size_t page = 0;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(digest_of_page(memory.data() + PageCount{page++ % cold_pages}.bytes(), secret));
  }
}
BENCHMARK(digest_cold_page);

void look_for_zero_in_cold_page(benchmark::State& state) {
  const Mapping memory = cold_memory(state.range(0) != 0);
  std::size_t page = 0;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(is_zero_page(memory.data() + PageCount{page++ % cold_pages}.bytes()));
  }
}
BENCHMARK(look_for_zero_in_cold_page)->ArgName("zero")->Arg(0)->Arg(1);

Digest digest_number(std::uint64_t number) {
  // As evenly spread as digests of pages are: splitmix64.
  number += 0x9e3779b97f4a7c15U;
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9U;
  number = (number ^ number >> 27) * 0x94d049bb133111ebU;
  return {(number ^ number >> 31) >> (64 - Digest::bits)};
}

// The index alone, as full as a daemon's. An array stands for the daemon's records.
class FilledIndex {
 public:
  explicit FilledIndex(std::uint32_t pages) : digests_(pages), index_(DigestOf{&digests_}) {
    for (std::uint32_t page = 0; page < pages; ++page) {
      digests_[page] = digest_number(page + 1);
      index_.make_room();
      index_.insert(digests_[page], Sighting::of(PageId{page}));
    }
  }
  ~FilledIndex() = default;
  FilledIndex(const FilledIndex&) = delete;
  FilledIndex& operator=(const FilledIndex&) = delete;

  [[nodiscard]] std::optional<Sighting> find(std::uint64_t number) const {
    return index_.find(digest_number(number));
  }

 private:
  struct DigestOf {
    const std::vector<Digest>* digests;
    Digest operator()(Sighting sighting) const { return (*digests)[sighting.page().value]; }
  };
  std::vector<Digest> digests_;
  DigestIndex<DigestOf> index_;
};

// Digests that are there, in an order that no cache foresees, and digests that are not.
void find_in_index(benchmark::State& state) {
  const auto pages = static_cast<std::uint32_t>(state.range(0));
  const FilledIndex index(pages);
  const std::uint64_t from = state.range(1) != 0 ? 1 : std::uint64_t{pages} + 1;
  std::uint64_t step = 0;
  for ([[maybe_unused]] auto _ : state) {
    step += 7919;
    benchmark::DoNotOptimize(index.find(from + step % pages));
  }
}
BENCHMARK(find_in_index)->ArgNames({"pages", "there"})->ArgsProduct({{1 << 14, 1 << 20}, {0, 1}});

void fill_index(benchmark::State& state) {
  const auto pages = static_cast<std::uint32_t>(state.range(0));
  for ([[maybe_unused]] auto _ : state) {
    const FilledIndex index(pages);
    benchmark::DoNotOptimize(index.find(1));
  }
  state.SetItemsProcessed(state.iterations() * pages);
}
BENCHMARK(fill_index)->Arg(1 << 14)->Arg(1 << 20)->Unit(benchmark::kMillisecond);

// First sightings: index and record of one page.
void offer_new_page(benchmark::State& state) {
  const auto pages = static_cast<std::uint32_t>(state.range(0));
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    auto merger = std::make_unique<Merger>(1U << 20);
    const PageId first = merger->add_guest(pages);
    state.ResumeTiming();
    for (std::uint32_t i = 0; i < pages; ++i) {
      benchmark::DoNotOptimize(merger->offer({first.value + i}, digest_number(i + 1)));
    }
    state.PauseTiming();
    merger.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * pages);
}
BENCHMARK(offer_new_page)->Arg(1 << 14)->Arg(1 << 20)->Unit(benchmark::kMillisecond);

// Pages of a second guest, equal to the first's: offered, donated, granted to both and answered.
void merge_pair_of_pages(benchmark::State& state) {
  const auto pages = static_cast<std::uint32_t>(state.range(0));
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    auto merger = std::make_unique<Merger>(1U << 20);
    const PageId first = merger->add_guest(pages), second = merger->add_guest(pages);
    for (std::uint32_t i = 0; i < pages; ++i) {
      benchmark::DoNotOptimize(merger->offer({first.value + i}, digest_number(i + 1)));
    }
    state.ResumeTiming();
    for (std::uint32_t i = 0; i < pages; ++i) {
      benchmark::DoNotOptimize(merger->offer({second.value + i}, digest_number(i + 1)));
    }
    for (const auto& donation : merger->take_orders().donations) {
      const PageId guest = donation.page.value < second.value ? first : second;
      benchmark::DoNotOptimize(
          merger->donated(donation.page, digest_number(donation.page.value - guest.value + 1)));
    }
    for (const auto& grant : merger->take_orders().grants) {
      benchmark::DoNotOptimize(merger->answered(grant.page, Merger::Answer::kept));
    }
    state.PauseTiming();
    merger.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * pages);
}
BENCHMARK(merge_pair_of_pages)->Arg(1 << 14)->Arg(1 << 18)->Unit(benchmark::kMillisecond);

void write_frame(benchmark::State& state) {
  constexpr std::uint32_t frames = 4096;
  const Mapping memory = cold_memory(false);
  FrameStore store;
  std::uint32_t frame = 0;
  for ([[maybe_unused]] auto _ : state) {
    store.write({frame}, {memory.data() + PageCount{frame}.bytes(), page_size});
    if (++frame < frames) continue;
    state.PauseTiming();
    store.reap({0}, frames);
    frame = 0;
    state.ResumeTiming();
  }
}
BENCHMARK(write_frame);

}  // namespace
}  // namespace samepage::dedup

BENCHMARK_MAIN();
