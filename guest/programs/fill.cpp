// SPDX-License-Identifier: Apache-2.0
// A guest whose memory is known: pages of zeros, pages that all guests have in common, pages of its own.
// Prints `ready` when they are written, then idles.
//   zero=N common=N own=N    how many pages of each, 0 if absent
//   common_seed=N            what the common pages are made from, 1 if absent
//   seed=N                   the same for its own pages; made from the time if absent, so that guests differ
//   rewrite=N after=MS       MS after `ready`, writes a word of its own into N of the common pages and
//                            checks the rest of them
//   verify=1                 checks all pages each second
#include "guest/lib/console.hpp"
#include "guest/lib/content.hpp"
#include "guest/lib/memory.hpp"
#include "guest/lib/ring0.hpp"
#include "guest/lib/runtime.hpp"
#include "guest/lib/time.hpp"

namespace samepage::guest {
namespace {

// The pages lie in this order in one array; a page's number is its place there.
class Filling {
 public:
  explicit Filling(const Arguments& arguments)
      : zero_(arguments.number("zero", 0)),
        common_(arguments.number("common", 0)),
        own_(arguments.number("own", 0)),
        common_seed_(arguments.number("common_seed", 1)),
        own_seed_(arguments.number("seed").value_or(mix(now().count))),
        pages_(take_pages(zero_ + common_ + own_)) {}

  [[nodiscard]] std::size_t common() const { return common_; }

  void write() {
    for (std::size_t number = 0; number < pages_.size(); ++number) {
      if (number < zero_) {
        pages_[number][0] = 0;
      } else {
        content(number).write_to(pages_[number]);
      }
    }
  }

  // One word in each of the first `count` common pages, not the same word in all.
  void rewrite(std::size_t count) {
    rewritten_ = count;
    for (std::size_t number = zero_; number < zero_ + count; ++number) {
      pages_[number][rewritten_word(number)] = expected(number, rewritten_word(number));
    }
  }

  void verify(std::size_t begin, std::size_t end) const {
    for (std::size_t number = begin; number < end; ++number) {
      for (std::size_t word = 0; word < words_per_page; ++word) {
        if (pages_[number][word] == expected(number, word)) continue;
        print("fill: page ", number, " is wrong\n");
        exit(code_failed);
      }
    }
  }
  void verify_all() const { verify(0, pages_.size()); }
  void verify_rewritten() const { verify(zero_, zero_ + rewritten_); }

 private:
  [[nodiscard]] Content content(std::size_t number) const {
    const bool own = number >= zero_ + common_;
    return Content{own ? own_seed_ : common_seed_, number - zero_};
  }
  static std::size_t rewritten_word(std::size_t number) { return number % words_per_page; }

  [[nodiscard]] std::uint64_t expected(std::size_t number, std::size_t word) const {
    if (number < zero_) return 0;
    const bool rewritten = number < zero_ + rewritten_ && word == rewritten_word(number);
    return rewritten ? Content{own_seed_, number}.word(word) : content(number).word(word);
  }

  std::size_t zero_;
  std::size_t common_;
  std::size_t own_;
  std::uint64_t common_seed_;
  std::uint64_t own_seed_;
  std::span<Page> pages_;
  std::size_t rewritten_ = 0;  // common pages
};

}  // namespace

const std::string_view known_keys = "zero common own common_seed seed rewrite after verify";

std::uint8_t run(const Arguments& arguments) {
  Filling filling{arguments};
  std::uint64_t rewrite = arguments.number("rewrite", 0);
  const std::uint64_t after = arguments.number("after", 0);
  const bool verify = arguments.number("verify", 0) != 0;
  if (rewrite > filling.common()) refuse("rewrite is more than common");

  filling.write();
  print("ready\n");
  if (rewrite == 0 && !verify) halt_forever();

  const Ticks ready = now();
  const Ticks rewrite_at = ready + milliseconds(after);
  Ticks verify_at = ready + milliseconds(1000);
  for (;;) {
    if (rewrite != 0 && (!verify || rewrite_at < verify_at)) {
      sleep_until(rewrite_at);
      filling.rewrite(rewrite);
      filling.verify_rewritten();
      print("rewrote ", rewrite, "\n");
      rewrite = 0;
    } else if (verify) {
      sleep_until(verify_at);
      filling.verify_all();
      print("verified\n");
      verify_at = now() + milliseconds(1000);
    } else {
      halt_forever();
    }
  }
}

}  // namespace samepage::guest
