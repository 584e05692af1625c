// SPDX-License-Identifier: Apache-2.0
// samepage-neighbour-bench: how long one user's question to the daemon takes while another user does their
// worst with each kind of message. Needs root, to be two users; no guest, no /dev/kvm.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <csignal>
#include <cstring>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/mapping.hpp"
#include "base/pipe.hpp"
#include "base/temporary_directory.hpp"
#include "base/types.hpp"
#include "bench/child.hpp"
#include "dedup/digest.hpp"
#include "dedup/protocol.hpp"

namespace {

using namespace samepage;
using namespace samepage::dedup;
using samepage::bench::Child;
using Clock = std::chrono::steady_clock;

constexpr uid_t victims_uid = 4343, neighbours_uid = 4242;

// A guest as the protocol sees it, without memory behind it.
class Peer {
 public:
  Peer(const std::string& path, std::uint32_t pages) : socket_(connect_local(path, {60, 0})) {
    if (!socket_) throw_errno("connect to samepaged");
    wire::Hello hello;
    hello.pages = pages;
    std::string_view("peer").copy(hello.guest, wire::max_name);
    std::string_view("default").copy(hello.domain, wire::max_name);
    say(wire::Type::hello, wire::bytes_of(hello));
    auto frame = receive_frame(socket_.get());
    if (!frame || frame->fds.size() != 2) {
      throw UserError(fmt::format("samepaged refuses: {}", frame ? frame->text() : "it is gone"));
    }
    store_ = std::move(frame->fds[0]);
    const auto welcome = wire::read_one<wire::Welcome>(frame->payload);
    if (!welcome) throw UserError("a welcome that is none");
    secret_ = welcome->secret;
    staging_ = Mapping::shared(frame->fds[1].get(), PageCount{welcome->staging_slots}.bytes());
  }

  /// Offers pages whose content is this number and zeros, and donates them when asked.
  void offer_contents(std::uint32_t first, std::uint32_t count,
                      const std::function<std::uint64_t(std::uint32_t)>& content) {
    content_ = content;
    alignas(page_size) std::array<std::byte, page_size> page{};
    offer(first, count, [&](std::uint32_t number) {
      const std::uint64_t word = content(number);
      std::memcpy(page.data(), &word, sizeof(word));
      return digest_of_page(page.data(), secret_).value;
    });
  }

  void say(wire::Type type, std::span<const std::byte> payload) {
    if (!send_frame(socket_.get(), static_cast<std::uint32_t>(type), payload)) throw UserError("cut off");
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
    const auto frame = receive_frame(socket_.get());
    if (!frame) throw UserError("cut off");
    if (frame->type == static_cast<std::uint32_t>(wire::Type::synced)) ++synced_;
    if (frame->type != static_cast<std::uint32_t>(wire::Type::verdict)) return;
    const auto verdict = wire::decode_verdict(frame->payload);
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
  DigestSecret secret_{};
  Mapping staging_;
  std::function<std::uint64_t(std::uint32_t)> content_;
  std::uint32_t syncs_ = 0, synced_ = 0;
  bool answered_ = false;
};

// Ends itself with its process only: what it says until then is over when `end` is.
struct Neighbour {
  const char* name;
  std::function<void(const std::string& path, std::uint32_t pages, Clock::time_point end)> act;
};

std::uint64_t spread(std::uint32_t page) {
  return (std::uint64_t{page} + 1) * 0x9e3779b97f4a7c15ULL >> 4U;
}

std::vector<Neighbour> neighbours() {
  using Path = const std::string&;
  const auto until = [](Clock::time_point end, const std::function<void()>& act) {
    while (Clock::now() < end) act();
  };
  return {
      {"nobody", [](Path, std::uint32_t, Clock::time_point end) { std::this_thread::sleep_until(end); }},
      {"offers and withdraws digests that end alike",
       [=](Path path, std::uint32_t pages, Clock::time_point end) {
         Peer peer(path, pages);
         until(end, [&] {
           peer.offer(0, pages, [](std::uint32_t page) { return std::uint64_t{page} << 32U | 7U; });
           peer.range(wire::Type::withdraw, 0, pages);
           peer.sync();
         });
       }},
      {"offers other digests again and again",
       [=](Path path, std::uint32_t pages, Clock::time_point end) {
         Peer peer(path, pages);
         std::uint32_t round = 0;
         until(end, [&] {
           ++round;
           peer.offer(0, pages, [&](std::uint32_t page) { return spread(page * 64 + round); });
         });
       }},
      {"withdraws all of its memory, nothing of it offered",
       [=](Path path, std::uint32_t pages, Clock::time_point end) {
         Peer peer(path, pages);
         until(end, [&] {
           for (int i = 0; i < 100; ++i) peer.range(wire::Type::withdraw, 0, pages);
           peer.sync();
         });
       }},
      {"waits with all of its pages for one frame",
       [=](Path path, std::uint32_t pages, Clock::time_point end) {
         Peer peer(path, pages);
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
         Peer peer(path, pages);
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
           Peer peer(path, pages);
           peer.offer(0, pages, spread);
           peer.sync();
         });
       }},
      {"joins with all the memory that a guest may have",
       [=](Path path, std::uint32_t, Clock::time_point end) {
         const std::uint64_t most = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
         until(end, [&] {
           Peer peer(path, static_cast<std::uint32_t>(most - 1024));
           peer.offer(0, 1, spread);
           peer.sync();
         });
       }},
      {"never donates",
       [=](Path path, std::uint32_t pages, Clock::time_point end) {
         Peer peer(path, pages);
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
         Peer peer(path, 16);
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
         Peer peer(path, 16);
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
                 send_frame(socket.get(), static_cast<std::uint32_t>(wire::Type::query), question));
           }
           for (const UniqueFd& socket : sockets) static_cast<void>(receive_frame(socket.get()));
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
             const FrameHeader header{max_payload, static_cast<std::uint32_t>(wire::Type::query)};
             static_cast<void>(::send(sockets.back().get(), &header, sizeof(header), MSG_NOSIGNAL));
             static_cast<void>(
                 ::send(sockets.back().get(), half.data(), half.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
           }
         });
       }},
  };
}

void become(uid_t uid) {
  check(::setresgid(uid, uid, uid), "setresgid");
  check(::setresuid(uid, uid, uid), "setresuid");
}

// What else runs on the host shall not be in the figures.
void come_first() {
  ::setpriority(PRIO_PROCESS, 0, -20);
}

struct Waits {
  double worst_ms = 0, median_ms = 0;
  std::size_t count = 0;
};

// In this process, as the victim.
Waits measure(Peer& victim, Clock::time_point end) {
  std::vector<double> waits;
  while (Clock::now() < end) {
    const auto start = Clock::now();
    victim.sync();
    waits.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  std::sort(waits.begin(), waits.end());
  return {waits.back(), waits[waits.size() / 2], waits.size()};
}

std::uint64_t memory_of(pid_t pid) {
  const UniqueFd status(::open(fmt::format("/proc/{}/statm", pid).c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 256> text{};
  if (!status || ::read(status.get(), text.data(), text.size() - 1) <= 0) return 0;
  unsigned long long size = 0, resident = 0;
  if (std::sscanf(text.data(), "%llu %llu", &size, &resident) != 2) return 0;
  return resident * page_size;
}

struct Options {
  std::string daemon;
  std::string only;
  int seconds = 5;
  std::uint32_t pages = 262'144;  // 1 GiB
  bool json = false;
};

void run(const Options& options) {
  if (::geteuid() != 0) throw UserError("this needs root, to be two other users; run it with sudo");
  const TemporaryDirectory directory;
  check(::chmod(directory.path().c_str(), 0755), "chmod");
  nlohmann::json rows = nlohmann::json::array();
  for (const Neighbour& neighbour : neighbours()) {
    if (std::string_view(neighbour.name).find(options.only) == std::string_view::npos) continue;
    const std::string path = directory.path() + "/socket";
    std::filesystem::remove(path);
    const Child daemon = Child::run([&] {
      come_first();
      ::execl(options.daemon.c_str(), "samepaged", "--socket", path.c_str(), "--user", "nobody",
              "--allow-others", nullptr);
      throw_errno("exec of " + options.daemon);
    });
    while (!connect_local(path, {5, 0})) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const Pipe pipe = make_pipe();
    const auto end = Clock::now() + std::chrono::seconds(options.seconds);
    const Child victim = Child::run([&] {
      come_first();
      become(victims_uid);
      Peer peer(path, 1000);
      // Longer than the neighbour: what it leaves behind is work too.
      const Waits waits = measure(peer, end + std::chrono::seconds(1));
      check(::write(pipe.writing.get(), &waits, sizeof(waits)), "write");
    });
    const Child other = Child::run([&] {
      become(neighbours_uid);
      neighbour.act(path, options.pages, end);
    });
    Waits waits;
    std::uint64_t resident = 0;
    pollfd waiting{pipe.reading.get(), POLLIN, 0};
    while (::poll(&waiting, 1, 50) == 0) resident = std::max(resident, memory_of(daemon.pid()));
    if (::read(pipe.reading.get(), &waits, sizeof(waits)) != sizeof(waits))
      throw UserError("the victim has ended");
    rows.push_back({{"neighbour", neighbour.name},
                    {"worst_ms", waits.worst_ms},
                    {"median_ms", waits.median_ms},
                    {"questions", waits.count},
                    {"daemon_bytes", resident}});
    if (!options.json) {
      fmt::print("{:<50} {:>9.1f} {:>9.2f} {:>7}M\n", neighbour.name, waits.worst_ms, waits.median_ms,
                 resident >> 20U);
      std::fflush(stdout);
    }
  }
  if (options.json) fmt::print("{}\n", nlohmann::json{{"rows", rows}}.dump(2));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "samepage-neighbour-bench - how long one user waits for samepaged while another does their worst.\n"
      "Columns: worst and median wait in milliseconds, most memory of the daemon.");
  Options options;
  options.daemon = (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "samepaged").string();
  app.add_option("--daemon", options.daemon, "another samepaged");
  app.add_option("--only", options.only, "neighbours with this in their names");
  app.add_option("--seconds", options.seconds, "for each neighbour")->check(CLI::Range(1, 600));
  app.add_option("--pages", options.pages, "of the neighbour's guest")->check(CLI::Range(2, 1 << 26));
  app.add_flag("--json", options.json, "print {rows: [...]} instead of lines");
  CLI11_PARSE(app, argc, argv);
  try {
    ::signal(SIGPIPE, SIG_IGN);
    run(options);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "samepage-neighbour-bench: {}\n", error.what());
    return 1;
  }
}
