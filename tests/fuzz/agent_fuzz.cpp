// SPDX-License-Identifier: Apache-2.0
// An agent whose daemon lies, keeps silent, goes and is another one: the guest's memory is always what the
// guest wrote.
#include <chrono>

#include "tests/fuzz/fail_hard.hpp"
#include "tests/fuzz/lying_daemon.hpp"

namespace samepage::dedup::test {
namespace {

constexpr std::size_t pages = 16;

void guest_step(FleetGuest& guest, samepage::test::Input& input) {
  Worker& worker = *guest.worker;
  const std::size_t page = input.below(pages);
  switch (input.below(12)) {
    case 0:
    case 1:
      return guest.fill(page, input.below(4));
    case 2:
      return guest.write(page * page_size + std::size_t{input.below(512)} * 8, input.take<std::uint8_t>());
    case 3:
      return guest.discard(page, 1 + input.below(4));
    case 4:
      static_cast<void>(worker.run_pass());
      return;
    case 5:
      return worker.look_for_breaks();
    case 6:
      return worker.paging().begin(1 + input.below(pages), PageOuts::Which::all);
    case 7:
      worker.paging().want_frames_out();
      return worker.paging().go_on();
    case 8:
      worker.paging().begin_return();
      return static_cast<void>(worker.paging().bring_back(1U << 20U));
    case 9:
      return worker.paging().stand_still();
    default:
      return worker.handle_messages();
  }
}

// Before the guest runs: an image, and a daemon that has said all that it will.
void load(FleetGuest& guest, LyingDaemon& daemon, samepage::test::Input& input) {
  std::vector<std::uint64_t> contents(1 + input.below(8));
  for (std::uint64_t& content : contents) content = input.below(4);
  const FleetImage image = image_for(guest, input.below(8), contents);
  for (std::uint32_t said = input.below(6); said > 0; --said) daemon.act(input);
  guest.worker->place(image.parts, {std::chrono::milliseconds(0), std::chrono::milliseconds(0)});
}

void run(samepage::test::Input& input) {
  GuestOptions options;
  options.tracker = input.chance(2) ? TrackerKind::best : TrackerKind::rehash;
  if (input.chance(4)) options.vma_limit = 4;
  const auto guest = make_guest("guest", pages, options);
  LyingDaemon daemon(*guest);
  daemon.let_in(input);
  if (input.chance(2)) load(*guest, daemon, input);
  while (!input.empty()) {
    if (!guest->worker->connected() && input.chance(4)) daemon.let_in(input);
    const std::uint32_t what = input.below(32);
    if (what == 0) {
      daemon.hang_up();
    } else {
      what % 2 == 0 ? daemon.act(input) : guest_step(*guest, input);
    }
    daemon.hear();
    invariant(guest->intact(), "the guest has lost or got a write");
  }
  static_cast<void>(guest->map());
}

}  // namespace
}  // namespace samepage::dedup::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  samepage::test::Input input(data, std::min<std::size_t>(size, 1024));
  samepage::dedup::test::run(input);
  return 0;
}
