// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon_client.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "dedup/daemon_connection.hpp"
#include "dedup/json_text.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {
namespace {

using nlohmann::json;

std::string daemon_program() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto beside = self.parent_path() / "samepaged";
  return !error && std::filesystem::exists(beside) ? beside.string() : "samepaged";
}

// In the child of fork: becomes a daemon of its own session that keeps nothing of ours open.
[[noreturn]] void become_daemon(const std::vector<std::string>& arguments, int ready_fd) {
  ::setsid();
  ::umask(077);
  if (::chdir("/") != 0) ::_exit(1);  // it may outlive what is mounted where we are
  sigset_t none;                      // a caller that waits for signals has them blocked
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  ::fcntl(ready_fd, F_SETFD, 0);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  constexpr std::string_view problem = "samepaged was not found beside samepage or in PATH";
  [[maybe_unused]] const ssize_t written = ::write(ready_fd, problem.data(), problem.size());
  ::_exit(127);
}

// Starts a daemon and waits until it listens; returns what went wrong, or nothing.
std::string start_daemon(const std::string& socket_path, const std::vector<std::string>& extra) {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "pipe2");
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  std::vector<std::string> arguments{
      daemon_program(),  "--socket", socket_path, "--ready-fd", std::to_string(write_end.get()),
      "--exit-when-idle"};
  arguments.insert(arguments.end(), extra.begin(), extra.end());
  const pid_t middle = check(::fork(), "fork");
  if (middle == 0) {
    // A grandchild is nobody's zombie.
    const pid_t daemon = ::fork();
    if (daemon == 0) become_daemon(arguments, write_end.get());
    ::_exit(daemon < 0 ? 1 : 0);
  }
  write_end.reset();
  ::waitpid(middle, nullptr, 0);
  std::string problem;
  std::array<char, 512> part{};
  for (;;) {
    const ssize_t got = ::read(read_end.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return problem;
    problem.append(part.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

std::optional<json> ask_daemon(const std::string& socket_path, const json& request) {
  const UniqueFd socket = connect_daemon(socket_path);
  if (!socket) return std::nullopt;
  if (!send_frame(socket.get(), static_cast<std::uint32_t>(wire::Type::query), json_text(request)))
    return std::nullopt;
  std::string text;
  auto reply = receive_frame(socket.get());
  for (; reply && reply->type == static_cast<std::uint32_t>(wire::Type::reply_part);
       reply = receive_frame(socket.get())) {
    text += reply->text();
  }
  if (reply && reply->type == static_cast<std::uint32_t>(wire::Type::refused)) {
    throw UserError(fmt::format("the daemon refuses: {}", reply->text()));
  }
  json answer;
  if (reply && reply->type == static_cast<std::uint32_t>(wire::Type::reply)) {
    answer = json::parse(text += reply->text(), nullptr, false);
  }
  if (!answer.is_object()) throw UserError(not_our_daemon(socket_path));
  return answer;
}

UniqueFd ensure_daemon(const std::string& socket_path, const std::vector<std::string>& extra_arguments) {
  if (UniqueFd daemon = connect_daemon(socket_path)) return daemon;
  const std::string problem = start_daemon(socket_path, extra_arguments);
  // Ours, or one that somebody else started at the same time.
  if (UniqueFd daemon = connect_daemon(socket_path)) return daemon;
  throw UserError(fmt::format("no samepaged answers on {} and none could be started: {}", socket_path,
                              problem.empty() ? "it ended at once" : problem));
}

}  // namespace samepage::dedup
