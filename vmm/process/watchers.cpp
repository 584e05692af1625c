// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/watchers.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "base/check.hpp"
#include "dedup/json_text.hpp"
#include "vmm/control/console_stream.hpp"

namespace samepage::vmm {
namespace {

constexpr std::chrono::seconds patience_at_end{2};

std::string bytes_of(const nlohmann::json& answer) {
  return packed(ControlMessage::answer, dedup::json_text(answer));
}

// Whether it is still there. What it says is nothing that we asked for.
bool listens(int socket) {
  std::array<char, 256> unasked{};
  const ssize_t got = ::recv(socket, unasked.data(), unasked.size(), MSG_DONTWAIT);
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

}  // namespace

bool Watchers::send(Watcher& watcher) {
  const std::size_t before = watcher.unsent.size();
  if (send_some(watcher.socket.get(), watcher.unsent) == Sent::gone) return false;
  watcher.greeting -= std::min(watcher.greeting, before - watcher.unsent.size());
  return true;
}

void Watchers::add(UniqueFd socket, std::string greeting) {
  const std::size_t size = greeting.size();
  Watcher& watcher = watchers_.emplace_back(Watcher{std::move(socket), std::move(greeting), size});
  if (!send(watcher)) watchers_.pop_back();
}

void Watchers::tell(const nlohmann::json& answer) {
  const std::string bytes = bytes_of(answer);
  std::erase_if(watchers_, [&](Watcher& watcher) {
    watcher.unsent += bytes;
    return !send(watcher) || watcher.unsent.size() - watcher.greeting > most_unsent;
  });
}

void Watchers::add_waits(std::vector<pollfd>& waits) const {
  for (const Watcher& watcher : watchers_) {
    waits.push_back(
        {watcher.socket.get(), static_cast<short>(POLLIN | (watcher.unsent.empty() ? 0 : POLLOUT)), 0});
  }
}

void Watchers::serve(std::span<const pollfd> waits) {
  invariant(waits.size() == watchers_.size(), "watchers are served with other waits than theirs");
  std::vector<Watcher> stay;
  stay.reserve(watchers_.size());
  for (std::size_t i = 0; i < watchers_.size(); ++i) {
    const bool heard = (waits[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
    if (heard && !listens(watchers_[i].socket.get())) continue;
    if (!watchers_[i].unsent.empty() && !send(watchers_[i])) continue;
    stay.push_back(std::move(watchers_[i]));
  }
  watchers_ = std::move(stay);
}

void Watchers::finish(const nlohmann::json& news) {
  const auto end = std::chrono::steady_clock::now() + patience_at_end;
  for (Watcher& watcher : watchers_) {
    watcher.unsent += bytes_of(news);
    static_cast<void>(send_until(watcher.socket.get(), watcher.unsent, end));
  }
  watchers_.clear();
}

}  // namespace samepage::vmm
