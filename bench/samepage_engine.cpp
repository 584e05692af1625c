// SPDX-License-Identifier: Apache-2.0
// Samepage as an engine: the real samepaged beside this program, agents in the holders.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/check.hpp"
#include "base/pipe.hpp"
#include "base/temporary_directory.hpp"
#include "bench/engine.hpp"
#include "bench/interruption.hpp"
#include "bench/process_clock.hpp"
#include "dedup/daemon_client.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// At a stepwise pace: long enough for the guests to be written between two passes.
constexpr unsigned step_ms = 300;

Knobs knobs_of(Pace pace) {
  switch (pace) {
    case Pace::fastest:
      return {{"merging", "on"}, {"cpu", "100"}, {"interval", "20"}, {"max-interval", "200"}};
    case Pace::standard:
      return {{"merging", "on"}, {"cpu", "10"}, {"interval", "100"}, {"max-interval", "2000"}};
    case Pace::stepwise:
      return {{"merging", "on"},
              {"cpu", "100"},
              {"interval", std::to_string(step_ms)},
              {"max-interval", std::to_string(step_ms)}};
  }
  return {};
}

// Becomes the daemon; `ready` is closed by it when it listens.
void become_daemon(const std::string& socket, int ready) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "samepaged";
  const std::string fd = std::to_string(::dup(ready));
  ::execl(program.c_str(), "samepaged", "--socket", socket.c_str(), "--ready-fd", fd.c_str(), nullptr);
  throw UserError(fmt::format("{} can't be started; build the whole project", program.string()));
}

// What is written until the other end is closed.
std::string read_all(int fd) {
  std::string text;
  std::array<char, 256> part{};
  for (;;) {
    const ssize_t got = ::read(fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (check(got, "read from samepaged") == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
}

class SamepageEngine final : public Engine {
 public:
  explicit SamepageEngine(Knobs knobs) : given_(std::move(knobs)), socket_(folder_.path() + "/socket") {
    Pipe ready = make_pipe();
    daemon_ = Child::run([&] { become_daemon(socket_, ready.writing.get()); });
    ready.writing.reset();
    if (const std::string problem = read_all(ready.reading.get()); !problem.empty()) {
      throw UserError(fmt::format("samepaged has not started: {}", problem));
    }
    if (!dedup::ask_daemon(socket_, {{"do", "stat"}})) {
      throw UserError("samepaged ended as soon as it was started; what it printed says why");
    }
  }

  [[nodiscard]] Party party() const override { return Party::samepage; }

  void set_pace(Pace pace) override {
    Knobs knobs = given_;
    knobs.merge(knobs_of(pace));  // what is there already stays
    ask_knobs(knobs);
  }

  void merge(Holders& holders) override {
    for (Holder& holder : holders) {
      // The process has used processor time for loading until now. What its first thread uses is left out
      // except for this.
      const nanoseconds before = holder.cpu_time();
      const json reply = holder.ask({{"do", "merge"}, {"socket", socket_}, {"guest", holder.name()}});
      members_.push_back({&holder, before - nanoseconds(reply.at("cpu_ns").get<std::int64_t>())});
    }
  }

  void make_pass() override {
    std::vector<std::uint64_t> before;
    for (const Member& member : members_) before.push_back(passes_of(member));
    for (std::size_t i = 0; i < members_.size();) {
      if (passes_of(members_[i]) > before[i]) {
        ++i;
      } else {
        pause_for(milliseconds(5));
      }
    }
  }

  void rest() override { ask_knobs({{"merging", "off"}}); }

  [[nodiscard]] std::uint64_t pages_shared() override {
    const json host = host_counts();
    return host.at("pages_sharing").get<std::uint64_t>() + host.at("zero_pages").get<std::uint64_t>();
  }
  [[nodiscard]] std::uint64_t full_scans() override { return host_counts().at("full_scans"); }

  [[nodiscard]] nanoseconds cpu_time() override {
    nanoseconds sum = cpu_time_of(daemon_.pid());
    for (const Member& member : members_) sum += member.holder->cpu_time() - member.cpu_before;
    return sum;
  }

  [[nodiscard]] EngineCosts costs() override {
    const json host = host_figures();
    return {host.at("books_bytes").get<std::uint64_t>() + host.at("agents_bytes").get<std::uint64_t>() +
            host.at("staging_bytes").get<std::uint64_t>()};
  }

 private:
  struct Member {
    Holder* holder;
    nanoseconds cpu_before;
  };

  static std::uint64_t passes_of(const Member& member) {
    return member.holder->ask({{"do", "counters"}}).at("passes");
  }

  json ask(const json& request) {
    auto reply = dedup::ask_daemon(socket_, request);
    if (!reply) throw UserError("the daemon under measurement has ended");
    return *reply;
  }
  // These questions are counted as Samepage's work too. So the daemon is not asked what it costs itself.
  json host_counts() { return ask({{"do", "counts"}}).at("host"); }
  json host_figures() { return ask({{"do", "stat"}}).at("host"); }
  void ask_knobs(const Knobs& knobs) {
    json request{{"do", "tune"}};
    for (const auto& [name, value] : knobs) request[name] = value;
    ask(request);
  }

  Knobs given_;
  TemporaryDirectory folder_;
  std::string socket_;
  Child daemon_;
  std::vector<Member> members_;
};

}  // namespace

std::unique_ptr<Engine> make_samepage_engine(const Knobs& knobs) {
  return std::make_unique<SamepageEngine>(knobs);
}

}  // namespace samepage::bench
