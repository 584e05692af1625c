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
#include <string>
#include <thread>
#include <vector>

#include "base/check.hpp"
#include "base/elapsed.hpp"
#include "base/framing.hpp"
#include "base/json.hpp"
#include "base/mapping.hpp"
#include "base/pipe.hpp"
#include "base/temporary_directory.hpp"
#include "base/types.hpp"
#include "bench/child.hpp"
#include "bench/neighbours.hpp"
#include "bench/protocol_peer.hpp"
#include "dedup/digest.hpp"
#include "dedup/protocol.hpp"

namespace {

using namespace samepage;
using namespace samepage::bench;
using Clock = std::chrono::steady_clock;

constexpr uid_t victims_uid = 4343, neighbours_uid = 4242;

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
Waits measure(ProtocolPeer& victim, Clock::time_point end) {
  std::vector<double> waits;
  while (Clock::now() < end) {
    const auto start = Clock::now();
    victim.sync();
    waits.push_back(ms_since(start));
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
      ProtocolPeer peer(path, 1000);
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
