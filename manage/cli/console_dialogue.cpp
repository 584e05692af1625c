// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/console_dialogue.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/check.hpp"
#include "manage/cli/guest_client.hpp"

namespace samepage::cli {

ConsoleDialogue::ConsoleDialogue(const std::string& name) : guest_(connect_guest(name)) {
  ask_guest(guest_, {{"do", "console"}, {"port", "com1"}});
}

void ConsoleDialogue::type(const std::string& line) {
  static_cast<void>(answer("\n"));  // what was said before
  said_.clear();
  typed_ = line + "\n";
  const ssize_t sent = ::send(guest_.socket.get(), typed_.data(), typed_.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(typed_.size())) {
    throw UserError(fmt::format("guest '{}' takes no input any more", guest_.name));
  }
}

std::string ConsoleDialogue::answer(std::string_view start) {
  std::array<char, 4096> bytes{};
  for (;;) {
    const ssize_t got = ::recv(guest_.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) throw UserError(fmt::format("guest '{}' has ended", guest_.name));
    messages_.add({bytes.data(), static_cast<std::size_t>(got)});
    while (const auto message = messages_.next()) {
      if (message->type == vmm::ControlMessage::data) said_ += message->payload;
    }
  }
  const std::size_t echo = said_.find(typed_);
  if (typed_.empty() || echo == std::string::npos) return {};
  const std::size_t from = said_.find(start, echo + typed_.size());
  const std::size_t end = said_.find('\n', from);
  return from == std::string::npos || end == std::string::npos ? "" : said_.substr(from, end - from);
}

}  // namespace samepage::cli
