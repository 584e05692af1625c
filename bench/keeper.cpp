// SPDX-License-Identifier: Apache-2.0
#include "bench/keeper.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/check.hpp"
#include "base/pipe.hpp"
#include "base/process_setup.hpp"

namespace samepage::bench {

Keeper::Keeper(const std::function<void()>& put_back) {
  const UniqueFd bench =
      checked_fd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)), "pidfd_open of ourselves");
  Pipe word = make_pipe();
  process_ = check(::fork(), "fork");
  if (process_ == 0) {
    ::setsid();
    for (const int signal : stop_signals()) std::signal(signal, SIG_IGN);
    std::array<pollfd, 2> waiting{pollfd{bench.get(), POLLIN, 0}, pollfd{word.reading.get(), POLLIN, 0}};
    while (::poll(waiting.data(), waiting.size(), -1) < 0 && errno == EINTR) {
    }
    put_back();
    ::_exit(0);
  }
  tell_ = std::move(word.writing);
}

Keeper::~Keeper() {
  const char now = 1;
  [[maybe_unused]] const ssize_t written = ::write(tell_.get(), &now, 1);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace samepage::bench
