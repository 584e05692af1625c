// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/console_stream.hpp"

#include <gtest/gtest.h>

#include "base/framing.hpp"

namespace samepage::vmm {
namespace {

TEST(MessageAssembler, PutsMessagesTogetherFromBytes) {
  const std::string bytes = packed(ControlMessage::data, "boot\n") + packed(ControlMessage::data, "") +
                            packed(ControlMessage::answer, "{}");
  MessageAssembler assembler;
  std::vector<std::pair<ControlMessage, std::string>> messages;
  for (const char byte : bytes) {
    assembler.add({&byte, 1});
    while (const auto message = assembler.next()) messages.emplace_back(message->type, message->payload);
  }
  const std::vector<std::pair<ControlMessage, std::string>> expected{
      {ControlMessage::data, "boot\n"}, {ControlMessage::data, ""}, {ControlMessage::answer, "{}"}};
  EXPECT_EQ(messages, expected);
  EXPECT_FALSE(assembler.is_nonsense());
}

TEST(MessageAssembler, DoesNotWaitForAMessageThatIsTooLong) {
  const MessageHeader header{max_payload + 1, 3};
  MessageAssembler assembler;
  // SAFETY: MessageHeader is eight plain bytes.
  assembler.add({reinterpret_cast<const char*>(&header), sizeof(header)});
  EXPECT_TRUE(assembler.is_nonsense());
  EXPECT_FALSE(assembler.next());
}

}  // namespace
}  // namespace samepage::vmm
