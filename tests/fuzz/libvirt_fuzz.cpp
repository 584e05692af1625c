// SPDX-License-Identifier: Apache-2.0
// Whatever a client of libvirt's protocol may send: bytes of any kind through the assembler of messages, and
// arguments of any kind through each procedure of the table, on a host that only answers. What is refused is
// an Error; nothing else may be thrown, and no reply may be without bounds.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "base/check.hpp"
#include "manage/libvirt/memory_parameters.hpp"
#include "manage/libvirt/message.hpp"
#include "manage/libvirt/procedures.hpp"
#include "tests/manage/libvirt/fake_host.hpp"

namespace samepage::libvirt::test {
namespace {

// Answers as FakeHost does, but has parameters checked as a real host checks them.
class CheckingHost : public FakeHost {
 public:
  void set_node_memory_parameters(std::span<const TypedParameter> given) override {
    FakeHost::set_node_memory_parameters(given);
    (void)tune_request_for(given);
  }
};

void call(std::int32_t number, std::span<const std::byte> arguments) {
  CheckingHost host;
  const std::span<const Procedure> all = all_procedures();
  const Procedure* procedure = find_procedure(number);
  if (procedure == nullptr) procedure = &all[static_cast<std::uint32_t>(number) % all.size()];
  Call context{host, Access::writes, "samepage:///system"};
  XdrReader in(arguments);
  XdrWriter out = payload_writer();
  try {
    procedure->answer(context, in, out);
  } catch (const Error&) {
    return;
  }
  invariant(out.size() < (std::size_t{16} << 20U), "a reply that the arguments made large");
}

// What comes in pieces of a size that the input names is what comes at once.
void take_messages(std::span<const std::byte> input) {
  MessageAssembler at_once;
  MessageAssembler bit_by_bit;
  at_once.add(input);
  const std::size_t piece = input.empty() ? 1 : 1 + std::to_integer<std::size_t>(input[0]) % 7;
  std::size_t messages = 0;
  for (std::span<const std::byte> rest = input; !rest.empty();) {
    const auto now = rest.first(std::min(piece, rest.size()));
    rest = rest.subspan(now.size());
    bit_by_bit.add(now);
    while (const auto message = bit_by_bit.next()) {
      const auto same = at_once.next();
      invariant(same && same->payload == message->payload && same->header.serial == message->header.serial,
                "pieces make another message");
      call(message->header.procedure, message->payload);
      ++messages;
    }
  }
  invariant(!at_once.next() && at_once.is_broken() == bit_by_bit.is_broken(), "pieces make fewer messages");
}

}  // namespace
}  // namespace samepage::libvirt::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samepage::libvirt::test;
  const auto input = std::as_bytes(std::span(data, size));
  if (size < 2) return 0;
  if (data[0] % 2 == 0) {
    take_messages(input.subspan(1));
  } else {
    call(static_cast<std::int32_t>(data[1]), input.subspan(2));
  }
  return 0;
}
