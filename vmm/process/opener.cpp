// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/opener.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/log_descriptor.hpp"
#include "base/process_setup.hpp"
#include "vmm/process/asked_calls.hpp"

namespace samepage::vmm {
namespace {

// What goes through the socket; with `serve` comes a descriptor.
enum class Say : std::uint32_t { try_to_read, can_read, can_not_read, serve, start_daemon };

// Lies at the same address in both processes.
constexpr std::array<char, 16> sample{"samepage opener"};

bool say(int socket, Say what, std::span<const int> fds = {}) {
  return try_send_frame(socket, static_cast<std::uint32_t>(what), {}, fds) == samepage::Sent::whole;
}

// Nothing of the guest's process stays open here: neither files nor the ends of pipes that somebody reads.
void keep_only(int socket) {
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO}) ::dup2(nothing, stream);
  ::dup2(socket, 3);
  ::closefrom(4);
}

// It ends when its guest's process does, whatever a terminal or a service manager sends to both.
void take_no_signals() {
  sigset_t all{};
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

void run_opener(const OpenerPolicy& policy, int socket, const std::function<void()>& start_daemon) {
  AskedCalls calls(policy);
  UniqueFd listener;
  for (;;) {
    std::array<pollfd, 2> waits{pollfd{socket, POLLIN, 0}, pollfd{listener.get(), POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), -1) < 0) continue;
    if ((waits[1].revents & POLLIN) != 0) calls.answer_one(listener.get());
    if ((waits[1].revents & POLLHUP) != 0) ::_exit(0);
    if (waits[0].revents == 0) continue;
    std::optional<Frame> message = receive_frame(socket);
    if (!message) ::_exit(0);  // its guest's process is gone
    const auto asked = static_cast<Say>(message->type);
    if (asked == Say::try_to_read) {
      static_cast<void>(say(socket, calls.can_read(sample) ? Say::can_read : Say::can_not_read));
    } else if (asked == Say::serve && !message->fds.empty()) {
      listener = std::move(message->fds.front());
    } else if (asked == Say::start_daemon && start_daemon) {
      start_daemon();
    }
  }
}

Opener::Opener(OpenerPolicy policy, const std::function<void()>& start_daemon) {
  policy.guest = ::getpid();
  auto [ours, its] = connected_sockets();
  pid_ = check(::fork(), "fork of the opener");
  if (pid_ == 0) {
    ::prctl(PR_SET_NAME, "samepage opener");
    take_no_signals();
    forget_log_descriptor();
    keep_only(its.release());
    static_cast<void>(ours.release());
    try {
      run_opener(policy, 3, start_daemon);
    } catch (...) {
      ::_exit(1);
    }
  }
  socket_ = std::move(ours);
  // Where only a process's children may be looked into (Yama), this one may look into its parent.
  ::prctl(PR_SET_PTRACER, pid_, 0, 0, 0);
  static_cast<void>(say(socket_.get(), Say::try_to_read));
}

Opener::~Opener() {
  socket_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool Opener::can_answer() {
  const std::optional<Frame> answer = receive_frame(socket_.get());
  return answer && static_cast<Say>(answer->type) == Say::can_read;
}

void Opener::serve(UniqueFd listener) {
  const std::array<int, 1> descriptor{listener.get()};
  static_cast<void>(say(socket_.get(), Say::serve, descriptor));
}

void Opener::start_daemon() const {
  static_cast<void>(say(socket_.get(), Say::start_daemon));
}

}  // namespace samepage::vmm
