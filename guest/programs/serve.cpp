// SPDX-License-Identifier: Apache-2.0
// A guest that is worth forking: it warms up, which takes a while, and then answers on its console. Warming
// up fills a table whose words take many steps each; the sum of the table shows whether somebody has it.
//   pages=N    of the table, 4096 if absent
//   rounds=N   steps that each word takes, 200 if absent
// Prints `ready: ...` when it is warm. Then each line that comes in at COM1 is a request:
//   same N     changes N pages, in the same way in all guests
//   change N   changes N pages, in a way of its own in each guest that goes on from another one's state
//   restore    makes them what they were
//   exit       ends it
//   ping       is answered at once, without a look at the table: `answer N: here`
//   others     are answered alone
// Each is answered with a line `answer N: ...`: the number of the request, whether the table is what it was
// when the guest was warm, its sum, and the guest's VM generation ID.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "guest/abi.hpp"
#include "guest/lib/console.hpp"
#include "guest/lib/input.hpp"
#include "guest/lib/memory.hpp"
#include "guest/lib/random.hpp"
#include "guest/lib/ring0.hpp"
#include "guest/lib/runtime.hpp"

namespace samepage::guest {
namespace {

// New in each guest that goes on from another one's state.
struct Generation {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

Generation generation() {
  std::array<std::uint8_t, abi::generation_bytes> bytes{};
  for (std::uint16_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = read_any_port(static_cast<std::uint16_t>(abi::generation_port + i));
  }
  Generation read;
  for (std::size_t i = 8; i-- > 0;) {
    read.low = read.low << 8 | bytes[i];
    read.high = read.high << 8 | bytes[8 + i];
  }
  return read;
}

class Table {
 public:
  Table(std::size_t pages, std::uint64_t rounds) : pages_(take_pages(pages)) {
    std::uint64_t seed = 1;
    for (Page& page : pages_) {
      for (volatile std::uint64_t& word : page) {
        std::uint64_t value = seed++;
        for (std::uint64_t round = 0; round < rounds; ++round) value = mix(value);
        word = value;
      }
    }
    warm_sum_ = sum();
  }

  [[nodiscard]] std::size_t pages() const { return pages_.size(); }
  [[nodiscard]] std::uint64_t sum() const {
    std::uint64_t sum = 0;
    for (const Page& page : pages_) {
      for (const volatile std::uint64_t& word : page) sum = mix(sum + word);
    }
    return sum;
  }
  [[nodiscard]] bool is_warm(std::uint64_t sum) const { return sum == warm_sum_; }

  // All words of the first `count` pages become others; restore() undoes it.
  void change(std::size_t count, std::uint64_t how) {
    restore();
    changed_ = count < pages_.size() ? count : pages_.size();
    how_ = how;
    toggle();
  }
  void restore() {
    toggle();
    changed_ = 0;
  }

 private:
  void toggle() {
    for (Page& page : pages_.first(changed_)) {
      for (volatile std::uint64_t& word : page) word = word ^ how_;
    }
  }

  std::span<Page> pages_;
  std::uint64_t warm_sum_ = 0;
  std::size_t changed_ = 0;
  std::uint64_t how_ = 0;
};

}  // namespace

const std::string_view known_keys = "pages rounds";

std::uint8_t run(const Arguments& arguments) {
  constexpr std::uint64_t same_for_all = 0x5a5a'5a5a'5a5a'5a5a;
  const std::size_t pages = arguments.number("pages", 4096);
  if (pages == 0) refuse("pages must be at least 1");
  print("warming up\n");
  Table table(pages, arguments.number("rounds", 200));
  print("ready: ", table.pages(), " pages, sum ", Hex{table.sum()}, "\n");
  for (std::uint64_t number = 1;; ++number) {
    const InputLine request;
    const Generation now = generation();
    if (request.is("same")) table.change(request.number(), same_for_all);
    if (request.is("change")) table.change(request.number(), mix(now.low) | 1);
    if (request.is("restore")) table.restore();
    if (request.is("exit")) return 0;
    if (request.is("ping")) {
      print("answer ", number, ": here\n");
      continue;
    }
    const std::uint64_t sum = table.sum();
    print("answer ", number, ": ", table.is_warm(sum) ? "warm" : "changed", ", sum ", Hex{sum},
          ", generation ", Hex{now.high}, " ", Hex{now.low}, "\n");
  }
}

}  // namespace samepage::guest
