// SPDX-License-Identifier: Apache-2.0
// A guest as the daemon's protocol sees it, without memory behind it. Throws UserError when the daemon
// refuses it or cuts it off.
#pragma once

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/mapping.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "dedup/digest.hpp"
#include "dedup/protocol.hpp"

namespace samepage::bench {

namespace wire = dedup::wire;

class ProtocolPeer {
 public:
  ProtocolPeer(const std::string& path, std::uint32_t pages) : socket_(connect_local(path, {60, 0})) {
    if (!socket_) throw_errno("connect to samepaged");
    wire::Hello hello;
    hello.pages = pages;
    std::string_view("peer").copy(hello.guest, wire::max_name);
    std::string_view("default").copy(hello.domain, wire::max_name);
    say(wire::Type::hello, wire::bytes_of(hello));
    auto message = receive_message(socket_.get());
    if (!message || message->fds.size() != 2) {
      throw UserError(fmt::format("samepaged refuses: {}", message ? message->text() : "it is gone"));
    }
    store_ = std::move(message->fds[0]);
    const auto welcome = wire::read_one<wire::Welcome>(message->payload);
    if (!welcome) throw UserError("a welcome that is none");
    secret_ = welcome->secret;
    staging_ = Mapping::shared(message->fds[1].get(), PageCount{welcome->staging_slots}.bytes());
  }

  /// Offers pages whose content is this number and zeros, and donates them when asked.
  void offer_contents(std::uint32_t first, std::uint32_t count,
                      const std::function<std::uint64_t(std::uint32_t)>& content) {
    content_ = content;
    alignas(page_size) std::array<std::byte, page_size> page{};
    offer(first, count, [&](std::uint32_t number) {
      const std::uint64_t word = content(number);
      std::memcpy(page.data(), &word, sizeof(word));
      return dedup::digest_of_page(page.data(), secret_).value;
    });
  }

  void say(wire::Type type, std::span<const std::byte> payload) {
    if (!send_message(socket_.get(), static_cast<std::uint32_t>(type), payload)) throw UserError("cut off");
  }
  void offer(std::uint32_t first, std::uint32_t count,
             const std::function<std::uint64_t(std::uint32_t)>& digest) {
    std::vector<wire::Offer> offers;
    for (std::uint32_t page = first; page < first + count; ++page) {
      offers.push_back({digest(page), {page}, 0});
      if (offers.size() < wire::max_offers && page + 1 < first + count) continue;
      say(wire::Type::offer, std::as_bytes(std::span(offers)));
      offers.clear();
      take_answers();
    }
  }
  void range(wire::Type type, std::uint32_t first, std::uint32_t count) {
    const PageRange range{{first}, count};
    say(type, wire::bytes_of(range));
  }
  /// Everything said so far has been carried out.
  void sync() {
    const wire::Sync sync{++syncs_};
    say(wire::Type::sync, wire::bytes_of(sync));
    while (synced_ < syncs_) take_answer();
  }
  /// Says yes to every grant and donates zeros for every request.
  void settle() {
    for (bool more = true; more;) {
      answered_ = false;
      sync();
      more = answered_;
    }
  }
  void take_answers() {
    pollfd waiting{socket_.get(), POLLIN, 0};
    while (::poll(&waiting, 1, 0) > 0) take_answer();
  }
  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] int store() const { return store_.get(); }

 private:
  void take_answer() {
    const auto message = receive_message(socket_.get());
    if (!message) throw UserError("cut off");
    if (message->type == static_cast<std::uint32_t>(wire::Type::synced)) ++synced_;
    if (message->type != static_cast<std::uint32_t>(wire::Type::verdict)) return;
    const auto verdict = wire::decode_verdict(message->payload);
    if (!verdict) throw UserError("a verdict that is none");
    answered_ = true;
    wire::Merged merged;
    for (const wire::Grant& grant : verdict->grants) merged.kept.push_back({grant.page, grant.count});
    wire::sort_by_page(merged.kept);
    if (!merged.kept.empty()) say(wire::Type::merged, wire::encode(merged));
    for (const wire::Donation& request : verdict->donate) {
      const std::uint64_t word = content_ ? content_(request.page.value) : 0;
      std::memcpy(staging_.data() + PageCount{request.slot}.bytes(), &word, sizeof(word));
    }
    if (!verdict->donate.empty()) say(wire::Type::donated, std::as_bytes(std::span(verdict->donate)));
  }

  UniqueFd socket_, store_;
  dedup::DigestSecret secret_{};
  Mapping staging_;
  std::function<std::uint64_t(std::uint32_t)> content_;
  std::uint32_t syncs_ = 0, synced_ = 0;
  bool answered_ = false;
};

}  // namespace samepage::bench
