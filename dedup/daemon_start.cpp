// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon_start.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/argv.hpp"
#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/log.hpp"
#include "base/pipe.hpp"
#include "base/unique_fd.hpp"
#include "dedup/daemon_lock.hpp"

namespace samepage::dedup {
namespace {

constexpr int ready_fd = 3;  // of the child's
constexpr std::chrono::seconds longest_turn{10};

// Whoever starts a daemon for a socket has its directory locked meanwhile. The daemon itself does not: it has
// a lock of its own (DaemonLock), which decides: where somebody else holds the directory's for long, we go on
// without. Where the directory can't be opened, the daemon says what is wrong with it.
enum class Turn : std::uint8_t { awaited, only_if_free };
UniqueFd take_turn(const std::string& socket_path, Turn turn) {
  std::string directory = std::filesystem::path(socket_path).parent_path();
  if (directory.empty()) directory = std::string(".");  // g++ 12 warns of the literal (GCC bug 105651)
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto end = std::chrono::steady_clock::now() + longest_turn;
  while (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) throw_errno("flock " + directory);
    if (turn == Turn::only_if_free || std::chrono::steady_clock::now() >= end) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return fd;
}

std::string daemon_program() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto beside = self.parent_path() / "samepaged";
  return !error && std::filesystem::exists(beside) ? beside.string() : "samepaged";
}

std::vector<std::string> arguments(const std::string& socket_path) {
  return {"--socket", socket_path, "--exit-when-idle", "--background"};
}

// A process of its own session that keeps nothing of ours open but `ready`, and leaves the daemon behind as
// nobody's child (--background). Returns what went wrong.
std::string spawn(const std::string& socket_path, const std::vector<std::string>& extra,
                  const UniqueFd& ready) {
  std::vector<std::string> words = arguments(socket_path);
  words.insert(words.begin(), daemon_program());
  words.insert(words.end(), extra.begin(), extra.end());
  if (ready) words.insert(words.end(), {"--ready-fd", std::to_string(ready_fd)});
  const std::vector<char*> argv = argv_of(words);

  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  for (int fd = 0; fd < 3; ++fd) ::posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  if (ready) ::posix_spawn_file_actions_adddup2(&files, ready.get(), ready_fd);
  ::posix_spawn_file_actions_addclosefrom_np(&files, ready ? ready_fd + 1 : ready_fd);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;  // a caller that waits for signals has them blocked
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  sigset_t ours;  // nor does it ignore what its starter has to ignore (nohup)
  sigemptyset(&ours);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&ours, signal);
  ::posix_spawnattr_setsigdefault(&attributes, &ours);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, argv[0], &files, &attributes, argv.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  if (error == ENOENT) return "samepaged was not found beside samepage or in PATH";
  if (error != 0) return "posix_spawn of samepaged: " + std::generic_category().message(error);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return {};
}

}  // namespace

std::string start_daemon(const std::string& socket_path, const std::vector<std::string>& extra) {
  const UniqueFd turn = take_turn(socket_path, Turn::awaited);
  if (connect_local(socket_path, {1, 0})) return {};
  Pipe pipe = make_pipe();
  std::string problem = spawn(socket_path, extra, pipe.writing);
  pipe.writing.reset();
  for (std::array<char, 512> part{};;) {
    const ssize_t got = ::read(pipe.reading.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return problem;
    problem.append(part.data(), static_cast<std::size_t>(got));
  }
}

std::vector<std::string> daemon_command(const std::string& socket_path) {
  std::vector<std::string> words = arguments(socket_path);
  const std::string program = daemon_program();
  words.insert(words.begin(), program);
  if (!program.starts_with('/')) words.insert(words.begin(), "/usr/bin/env");
  return words;
}

void start_daemon_in_passing(const std::string& socket_path) {
  const UniqueFd turn = take_turn(socket_path, Turn::only_if_free);
  if (!turn || DaemonLock::is_held(socket_path)) return;
  if (const std::string problem = spawn(socket_path, {}, {}); !problem.empty()) {
    log_error("no other daemon is started", problem);
  }
}

}  // namespace samepage::dedup
