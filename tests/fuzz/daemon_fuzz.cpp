// SPDX-License-Identifier: Apache-2.0
// A daemon whose peers lie, beside guests that don't. The honest ones' memory is always what they wrote; when
// the liars' processes are gone, references are what is mapped, and in the end nothing is left.
#include <optional>

#include "base/json.hpp"
#include "base/temporary_directory.hpp"
#include "tests/fuzz/fail_hard.hpp"
#include "tests/fuzz/liar.hpp"

namespace samepage::dedup::test {
namespace {

constexpr std::size_t pages = 12;

std::string paging_file() {
  static const TemporaryDirectory folder;
  return folder.path() + "/paging";
}

void honest_step(Fleet& fleet, FleetGuest& guest, samepage::test::Input& input) {
  switch (input.below(6)) {
    case 0:
    case 1:
      return guest.fill(input.below(pages), input.below(8));
    case 2:
      guest.worker->run_pass();
      return fleet.poll_daemon();
    case 3:
      return guest.worker->handle_messages();
    case 4:
      return guest.worker->paging().begin(1 + input.below(pages), PageOuts::Which::all);
    default:
      return fleet.pass();
  }
}

void run(samepage::test::Input& input) {
  const bool pages_go_out = input.below(4) == 3;
  Fleet fleet(input.chance(2) ? DupPolicy{} : DupPolicy{.references = 2, .run = 4},
              pages_go_out ? std::vector{paging_file()} : std::vector<std::string>{});
  FleetGuest& a = fleet.add(pages);
  FleetGuest& b = fleet.add(pages);
  std::array liars{Liar(fleet), Liar(fleet)};
  while (!input.empty()) {
    const std::uint32_t what = input.below(16);
    Liar& liar = liars.at(what % 2);
    if (what < 4) {
      honest_step(fleet, what % 2 == 0 ? a : b, input);
    } else if (what < 14) {
      liar.act(input);
    } else if (input.chance(4)) {
      input.chance(2) ? liar.end() : liar.hang_up();
    }
    fleet.check_memory("after a lie");
    invariant(a.worker->connected() && b.worker->connected(), "an honest guest is cut off");
  }
  for (Liar& liar : liars) liar.end();
  fleet.wait_for_disks();
  for (int i = 0; i < 2; ++i) fleet.settle();
  fleet.check_references("when the liars are gone");
  fleet.check_everything("when the liars are gone");
  while (!fleet.guests().empty()) fleet.kill(*fleet.guests().front());
  for (const char* figure : {"pages_shared", "store_bytes", "slots_bytes", "reserved_bytes"}) {
    invariant(fleet.figure(figure) == 0, "something is left");
  }
}

}  // namespace
}  // namespace samepage::dedup::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  samepage::test::Input input(data, std::min<std::size_t>(size, 1024));
  samepage::dedup::test::run(input);
  return 0;
}
