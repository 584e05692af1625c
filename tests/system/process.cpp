// SPDX-License-Identifier: Apache-2.0
#include "tests/system/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <utility>

#include "base/argv.hpp"
#include "base/check.hpp"
#include "base/exit_by_signal.hpp"
#include "tests/base/forked_child.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage::system_test {

Process::Process(const std::vector<std::string>& command, int out, int err, const Surroundings& surroundings)
    : command_(fmt::format("{}", fmt::join(command, " "))) {
  const std::vector<char*> words = argv_of(command);
  const UniqueFd null = checked_fd(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null");
  pid_ = check(::fork(), "fork");
  if (pid_ != 0) return;
  ::dup2(null.get(), 0);
  ::dup2(out < 0 ? null.get() : out, 1);
  ::dup2(err < 0 ? null.get() : err, 2);
  surroundings();
  ::execv(words[0], words.data());
  ::_exit(127);
}

Process::~Process() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::signal(int number) const {
  ::kill(pid_, number);
}

int Process::wait() {
  return exit_code_of(status_of_child(std::exchange(pid_, -1), command_));
}

Pipe make_terminal() {
  int master = -1, slave = -1;
  check(::openpty(&master, &slave, nullptr, nullptr, nullptr), "openpty");
  for (const int fd : {master, slave}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  termios raw{};
  ::tcgetattr(slave, &raw);
  ::cfmakeraw(&raw);
  ::tcsetattr(slave, TCSANOW, &raw);
  return {UniqueFd(master), UniqueFd(slave)};
}

void fill_up(int fd) {
  const int flags = check(::fcntl(fd, F_GETFL), "fcntl");
  check(::fcntl(fd, F_SETFL, flags | O_NONBLOCK), "fcntl");
  const std::array<char, 4096> bytes{};
  // A terminal's buffer is emptied into its reader's behind our back: full is what stays full.
  pollfd room{fd, POLLOUT, 0};
  do {
    while (::write(fd, bytes.data(), bytes.size()) > 0) {
    }
    while (::write(fd, bytes.data(), 1) > 0) {
    }
  } while (::poll(&room, 1, 200) > 0);
  check(::fcntl(fd, F_SETFL, flags), "fcntl");
}

std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 65536> part{};
  while (wait_to_read(fd, "the end of what is printed")) {
    const ssize_t got = ::read(fd, part.data(), part.size());
    if (got <= 0) break;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace samepage::system_test
