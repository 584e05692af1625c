// SPDX-License-Identifier: Apache-2.0
#include "bench/own_daemon.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "base/argv.hpp"
#include "base/check.hpp"
#include "base/json.hpp"
#include "base/pipe.hpp"
#include "dedup/daemon_client.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;

// Becomes the daemon; `ready` is closed by it when it listens.
void become_daemon(const std::string& socket, std::vector<std::string> words, int ready) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "samepaged";
  words.insert(words.begin(), {"samepaged", "--socket", socket, "--ready-fd", std::to_string(::dup(ready))});
  ::execv(program.c_str(), argv_of(words).data());
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

}  // namespace

OwnDaemon::OwnDaemon(const std::vector<std::string>& words) : socket_(folder_.path() + "/socket") {
  Pipe ready = make_pipe();
  child_ = Child::run([&] { become_daemon(socket_, words, ready.writing.get()); });
  ready.writing.reset();
  if (const std::string problem = read_all(ready.reading.get()); !problem.empty()) {
    throw UserError(fmt::format("samepaged has not started: {}", problem));
  }
  if (!dedup::ask_daemon(socket_, {{"do", "stat"}})) {
    throw UserError("samepaged ended as soon as it was started; what it printed says why");
  }
}

json OwnDaemon::ask(const json& request) const {
  auto reply = dedup::ask_daemon(socket_, request);
  if (!reply) throw UserError("the daemon under measurement has ended");
  return *reply;
}

}  // namespace samepage::bench
