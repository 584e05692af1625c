// SPDX-License-Identifier: Apache-2.0
// A guest that tries to find out by time what others have in memory, as an attacker would. Half of its pages
// are guesses: the common pages of guests of `fill`. The other half are like nobody's. Which is which was
// thrown, so that nothing but what others have can tell the halves apart. Prints `ready` when they are
// written. Each line of input is a trial of all pages, which it begins when the line has ended:
//   write   writes the value that is there already: a page that is shared has to be copied
//   read    reads a word: a page that was mapped anew has to be found first
// Prints `probe write: P of 10000`, the area under the ROC curve: how often a guess took longer than one that
// is nobody's. 5000 is chance. Then it writes all pages anew, and prints `ready`.
//   pages=N         of each half, 1024 if absent
//   common_seed=N   what the guesses are made from, as of `fill`; 1 if absent
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "guest/lib/console.hpp"
#include "guest/lib/content.hpp"
#include "guest/lib/input.hpp"
#include "guest/lib/memory.hpp"
#include "guest/lib/random.hpp"
#include "guest/lib/runtime.hpp"
#include "guest/lib/time.hpp"

namespace samepage::guest {
namespace {

enum class Trial : std::uint8_t { write, read };

class Probe {
 public:
  Probe(std::size_t half, std::uint64_t common_seed)
      : half_(half),
        common_seed_(common_seed),
        pages_(take_pages(2 * half)),
        guesses_(take_array<std::uint32_t>(half)),
        others_(take_array<std::uint32_t>(half)) {}

  // Pages 2k and 2k+1 are a pair; one of them, as a throw decides, is a guess. They are written in the order
  // in which they lie, not guesses first: what the host does for a page may depend on that.
  void write_pages() {
    own_seed_ = mix(now().count);
    for (std::size_t pair = 0; pair < half_; ++pair) {
      for (std::size_t which = 0; which < 2; ++which) content(pair, which).write_to(pages_[2 * pair + which]);
    }
  }

  // Both of a pair one after the other, in an order that another throw decides: whatever happens on the host
  // meanwhile happens to both halves.
  void measure(Trial trial) {
    for (std::size_t pair = 0; pair < half_; ++pair) {
      const std::size_t first = thrown(pair, 2);
      for (const std::size_t which : {first, 1 - first}) {
        const bool guess = which == guess_of(pair);
        const std::uint64_t there = content(pair, which).word(probed_word);
        (guess ? guesses_ : others_)[pair] = time_of(pages_[2 * pair + which], trial, there);
      }
    }
  }

  // Of 10,000 pairs of a guess and another page, in how many the guess took longer; half of those that took
  // the same.
  std::uint64_t area() {
    std::sort(guesses_.begin(), guesses_.end());
    std::sort(others_.begin(), others_.end());
    std::uint64_t halves = 0;
    std::size_t below = 0, up_to = 0;
    for (const std::uint32_t ticks : guesses_) {
      while (below < half_ && others_[below] < ticks) ++below;
      while (up_to < half_ && others_[up_to] <= ticks) ++up_to;
      halves += below + up_to;
    }
    return halves * 5000 / (half_ * half_);
  }

 private:
  [[nodiscard]] std::size_t thrown(std::size_t pair, std::uint64_t what) const {
    return mix(own_seed_ + what * golden_ratio + pair) & 1;
  }
  [[nodiscard]] std::size_t guess_of(std::size_t pair) const { return thrown(pair, 1); }
  [[nodiscard]] Content content(std::size_t pair, std::size_t which) const {
    return Content{which == guess_of(pair) ? common_seed_ : own_seed_, pair};
  }

  static std::uint32_t time_of(Page& page, Trial trial, std::uint64_t there) {
    wait_for_all_before();
    const Ticks before = now();
    wait_for_all_before();
    if (trial == Trial::write) {
      page[probed_word] = there;
    } else {
      [[maybe_unused]] const std::uint64_t read = page[probed_word];
    }
    wait_for_all_before();
    const std::uint64_t ticks = (now() - before).count;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(ticks, ~std::uint32_t{0}));
  }
  // What the CPU does out of order for the page before is not in the time of this one.
  static void wait_for_all_before() { asm volatile("mfence\n\tlfence" ::: "memory"); }

  static constexpr std::size_t probed_word = 7;
  std::size_t half_;
  std::uint64_t common_seed_;
  std::uint64_t own_seed_ = 0;
  std::span<Page> pages_;
  std::span<std::uint32_t> guesses_, others_;
};

}  // namespace

const std::string_view known_keys = "pages common_seed";

std::uint8_t run(const Arguments& arguments) {
  const std::size_t pages = arguments.number("pages", 1024);
  if (pages == 0) refuse("pages must be at least 1");
  Probe probe(pages, arguments.number("common_seed", 1));
  for (;;) {
    probe.write_pages();
    print("ready\n");
    const bool write = InputLine().is("write");
    probe.measure(write ? Trial::write : Trial::read);
    print("probe ", write ? "write" : "read", ": ", probe.area(), " of 10000\n");
  }
}

}  // namespace samepage::guest
