// SPDX-License-Identifier: Apache-2.0
// A guest that writes at a known rate. Its pages start as common content, the same in all guests; the first
// ones, its working set, are rewritten in turn with content of their own.
//   pages=N working_set=N    working_set is `pages` if absent
//   rate=N                   pages a second, evenly spaced
//   equal_after=MS           after that long, makes the working set common again, rests, and starts anew
//   rest=MS                  how long it rests, 0 if absent
//   seconds=N                ends after that long, with code 0
//   common_seed=N            as in fill
// Prints how many pages it wrote, once a second.
#include <algorithm>

#include "guest/lib/console.hpp"
#include "guest/lib/content.hpp"
#include "guest/lib/memory.hpp"
#include "guest/lib/runtime.hpp"
#include "guest/lib/time.hpp"

namespace samepage::guest {
namespace {

constexpr std::uint64_t shortest_sleep_us = 2000;  // a faster pace writes several pages a step

// Prints how many pages were written in each second that has passed.
class Meter {
 public:
  void add(std::uint64_t pages) {
    pages_ += pages;
    if (now() - begin_ >= milliseconds(1000)) report();
  }
  void finish() {
    if (now() - begin_ >= milliseconds(500)) report();  // a shorter time says little
  }

 private:
  void report() {
    const Ticks passed = now() - begin_;
    print("churn: ", pages_ * 1'000'000 / to_microseconds(passed), " pages/s\n");
    begin_ = now();
    pages_ = 0;
  }

  Ticks begin_ = now();
  std::uint64_t pages_ = 0;
};

class Churn {
 public:
  Churn(std::span<Page> pages, std::size_t working_set, std::uint64_t common_seed)
      : pages_(pages), working_set_(working_set), common_seed_(common_seed) {
    equalise(pages.size());
  }

  void write_next() {
    Content{own_seed_, writes_}.write_to(pages_[writes_ % working_set_]);
    ++writes_;
  }
  void equalise() { equalise(working_set_); }

 private:
  void equalise(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) Content{common_seed_, i}.write_to(pages_[i]);
  }

  std::span<Page> pages_;
  std::size_t working_set_;
  std::uint64_t common_seed_;
  std::uint64_t own_seed_ = mix(now().count);
  std::uint64_t writes_ = 0;
};

}  // namespace

const std::string_view known_keys = "pages working_set rate equal_after rest seconds common_seed";

std::uint8_t run(const Arguments& arguments) {
  const std::size_t page_count = arguments.number("pages", 0);
  const std::size_t working_set = arguments.number("working_set", page_count);
  const std::uint64_t rate = arguments.number("rate", 0);
  const std::uint64_t equal_after = arguments.number("equal_after", 0);
  const std::uint64_t rest = arguments.number("rest", 0);
  const std::uint64_t seconds = arguments.number("seconds", 0);
  if (working_set == 0 || working_set > page_count) refuse("working_set must be from 1 to pages");
  if (rate == 0 || rate > 10'000'000) refuse("rate must be from 1 to 10000000");

  Churn churn{take_pages(page_count), working_set, arguments.number("common_seed", 1)};
  print("ready\n");

  const Ticks step = microseconds(std::max(1'000'000 / rate, shortest_sleep_us));
  const Ticks end = now() + milliseconds(seconds * 1000);
  Ticks phase_begin = now();
  std::uint64_t phase_writes = 0;
  Meter meter;
  for (Ticks next = phase_begin + step; seconds == 0 || now() < end; next = std::max(next + step, now())) {
    sleep_until(next);
    const std::uint64_t due = to_microseconds(now() - phase_begin) * rate / 1'000'000;
    const std::uint64_t writes = std::min<std::uint64_t>(due - phase_writes, rate);
    for (std::uint64_t i = 0; i < writes; ++i) churn.write_next();
    phase_writes = due;
    meter.add(writes);
    if (equal_after == 0 || now() - phase_begin < milliseconds(equal_after)) continue;
    churn.equalise();
    sleep_for(milliseconds(rest));
    phase_begin = next = now();
    phase_writes = 0;
  }
  meter.finish();
  return 0;
}

}  // namespace samepage::guest
