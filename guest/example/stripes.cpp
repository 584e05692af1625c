// SPDX-License-Identifier: Apache-2.0
// Fills pages with stripes and checks them. Guests with the same seed have the same pages, which Samepage
// then keeps once.
//   pages=N    how many, 100 if absent
//   seed=N     what the stripes are made from
//   wait=1     idle for ever afterwards, to see what is shared: samepage map GUEST
#include "guest/lib/console.hpp"
#include "guest/lib/content.hpp"
#include "guest/lib/memory.hpp"
#include "guest/lib/ring0.hpp"
#include "guest/lib/runtime.hpp"
#include "guest/lib/time.hpp"

namespace samepage::guest {

const std::string_view known_keys = "pages seed wait";

std::uint8_t run(const Arguments& arguments) {
  const std::uint64_t seed = arguments.number("seed", 1);
  const std::span<Page> pages = take_pages(arguments.number("pages", 100));
  const Ticks start = now();
  for (std::size_t i = 0; i < pages.size(); ++i) Content(seed, i).write_to(pages[i]);
  print("stripes: ", pages.size(), " pages in ", to_microseconds(now() - start), " us\n");
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (pages[i][7] == Content(seed, i).word(7)) continue;
    print("stripes: page ", i, " is not what was written\n");
    return code_failed;
  }
  if (arguments.number("wait", 0) != 0) halt_forever();
  return 0;
}

}  // namespace samepage::guest
