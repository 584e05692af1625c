// SPDX-License-Identifier: Apache-2.0
#include "bench/neighbours.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "bench/protocol_peer.hpp"

namespace samepage::bench {
namespace {

using namespace dedup;
using Clock = std::chrono::steady_clock;

std::uint64_t spread(std::uint32_t page) {
  return (std::uint64_t{page} + 1) * 0x9e3779b97f4a7c15ULL >> 4U;
}

}  // namespace

std::vector<Neighbour> neighbours() {
  using Path = const std::string&;
  const auto until = [](Clock::time_point end, const std::function<void()>& act) {
    while (Clock::now() < end) act();
  };
  return {
      {"nobody", [](Path, std::uint32_t, Clock::time_point end) { std::this_thread::sleep_until(end); }},
      {"offers and withdraws digests that end alike",
       [=](Path path, std::uint32_t pages, Clock::time_point end) {
         ProtocolPeer peer(path, pages);
         until(end, [&] {
           peer.offer(0, pages, [](std::uint32_t page) { return std::uint64_t{page} << 32U | 7U; });
           peer.range(wire::Type::withdraw, 0, pages);
           peer.sync();
         });
       }},
      {"offers other digests again and again",
       [=](Path path, std::uint32_t pages, Clock::time_point end) {
         ProtocolPeer peer(path, pages);
         std::uint32_t round = 0;
         until(end, [&] {
           ++round;
           peer.offer(0, pages, [&](std::uint32_t page) { return spread(page * 64 + round); });
         });
       }},
      {"withdraws all of its memory, nothing of it offered",
       [=](Path path, std::uint32_t pages, Clock::time_point end) {
         ProtocolPeer peer(path, pages);
         until(end, [&] {
           for (int i = 0; i < 100; ++i) peer.range(wire::Type::withdraw, 0, pages);
           peer.sync();
         });
       }},
      {"waits with all of its pages for one frame",
       [=](Path path, std::uint32_t pages, Clock::time_point end) {
         ProtocolPeer peer(path, pages);
         std::uint64_t round = 0;
         until(end, [&] {
           ++round;
           peer.offer_contents(0, pages, [&](std::uint32_t) { return round; });
           peer.settle();
           peer.range(wire::Type::broken, 0, pages);
         });
       }},
      {"makes frames and breaks them",
       [=](Path path, std::uint32_t pages, Clock::time_point end) {
         ProtocolPeer peer(path, pages);
         std::uint64_t round = 0;
         until(end, [&] {
           ++round;
           peer.offer_contents(0, pages, [&](std::uint32_t page) { return round << 32U | page / 2; });
           peer.settle();
           peer.range(wire::Type::broken, 0, pages);
           peer.sync();
         });
       }},
      {"ends with all of its pages known, and comes again",
       [=](Path path, std::uint32_t pages, Clock::time_point end) {
         until(end, [&] {
           ProtocolPeer peer(path, pages);
           peer.offer(0, pages, spread);
           peer.sync();
         });
       }},
      {"joins with all the memory that a guest may have",
       [=](Path path, std::uint32_t, Clock::time_point end) {
         const std::uint64_t most = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
         until(end, [&] {
           ProtocolPeer peer(path, static_cast<std::uint32_t>(most - 1024));
           peer.offer(0, 1, spread);
           peer.sync();
         });
       }},
      {"never donates",
       [=](Path path, std::uint32_t pages, Clock::time_point end) {
         ProtocolPeer peer(path, pages);
         std::vector<wire::Offer> offers;
         for (std::uint32_t page = 0; page < pages; ++page) {
           offers.push_back({spread(page / 2), page, 0});
           if (offers.size() < wire::max_offers) continue;
           peer.say(wire::Type::offer, std::as_bytes(std::span(offers)));
           offers.clear();
         }
         std::this_thread::sleep_until(end);
       }},
      {"reports passes, reads holes of the store",
       [=](Path path, std::uint32_t, Clock::time_point end) {
         ProtocolPeer peer(path, 16);
         const wire::Report report{};
         struct stat info {};
         check(::fstat(peer.store(), &info), "fstat");
         until(end, [&] {
           if (info.st_size > 0) {
             const Mapping view = Mapping::read_only(peer.store(), static_cast<std::size_t>(info.st_size));
             for (std::size_t at = 0; at < view.size(); at += page_size) {
               static_cast<void>(*const_cast<const volatile std::byte*>(view.data() + at));
             }
           }
           for (int i = 0; i < 1000; ++i) peer.say(wire::Type::report, wire::bytes_of(report));
           peer.sync();
         });
       }},
      {"reads no answers",
       [=](Path path, std::uint32_t, Clock::time_point end) {
         ProtocolPeer peer(path, 16);
         ::fcntl(peer.socket(), F_SETFL, O_NONBLOCK);
         std::array<std::uint32_t, 3> question{sizeof(wire::Sync),
                                               static_cast<std::uint32_t>(wire::Type::sync), 0};
         until(end, [&] {
           if (::send(peer.socket(), question.data(), sizeof(question), MSG_NOSIGNAL) < 0) {
             std::this_thread::sleep_for(std::chrono::milliseconds(1));
           }
         });
       }},
      {"asks for figures, with 200 connections",
       [=](Path path, std::uint32_t, Clock::time_point end) {
         std::vector<UniqueFd> sockets;
         for (int i = 0; i < 200; ++i) sockets.push_back(connect_local(path, {60, 0}));
         const std::string_view question = R"({"do":"stat"})";
         until(end, [&] {
           for (const UniqueFd& socket : sockets) {
             static_cast<void>(
                 send_message(socket.get(), static_cast<std::uint32_t>(wire::Type::query), question));
           }
           for (const UniqueFd& socket : sockets) static_cast<void>(receive_message(socket.get()));
         });
       }},
      {"connects and hangs up",
       [=](Path path, std::uint32_t, Clock::time_point end) {
         until(end, [&] { static_cast<void>(connect_local(path, {60, 0})); });
       }},
      {"sends long messages half, on 200 connections",
       [=](Path path, std::uint32_t, Clock::time_point end) {
         const std::vector<std::byte> half(max_payload / 2);
         until(end, [&] {
           std::vector<UniqueFd> sockets;
           for (int i = 0; i < 200; ++i) {
             sockets.push_back(connect_local(path, {1, 0}));
             const MessageHeader header{max_payload, static_cast<std::uint32_t>(wire::Type::query)};
             static_cast<void>(::send(sockets.back().get(), &header, sizeof(header), MSG_NOSIGNAL));
             static_cast<void>(
                 ::send(sockets.back().get(), half.data(), half.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
           }
         });
       }},
  };
}

}  // namespace samepage::bench
