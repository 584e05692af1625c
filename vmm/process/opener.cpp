// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/opener.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/log_descriptor.hpp"
#include "base/process_setup.hpp"
#include "vmm/process/asked_calls.hpp"

namespace samepage::vmm {
namespace {

// What goes through the socket: one byte, and with `serve` a descriptor.
constexpr char try_to_read = 'r';
constexpr char serve_this = 's';
constexpr char start = 'd';

// Lies at the same address in both processes.
constexpr std::array<char, 16> sample{"samepage opener"};

struct Message {
  char what = 0;
  UniqueFd fd;
};

Message receive(int socket) {
  Message message;
  iovec bytes{&message.what, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t got = -1;
  while ((got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
  }
  if (got <= 0) ::_exit(0);  // its guest's process is gone
  if (const cmsghdr* const part = CMSG_FIRSTHDR(&header); part != nullptr && part->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(part), sizeof(fd));
    message.fd = UniqueFd(fd);
  }
  return message;
}

bool send(int socket, char what, int fd = -1) {
  iovec bytes{&what, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  if (fd >= 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* const part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(part), &fd, sizeof(fd));
  }
  return ::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
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
    Message message = receive(socket);
    if (message.what == try_to_read) {
      send(socket, calls.can_read(sample) ? 'y' : 'n');
    } else if (message.what == serve_this) {
      listener = std::move(message.fd);
    } else if (message.what == start && start_daemon) {
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
  static_cast<void>(send(socket_.get(), try_to_read));
}

Opener::~Opener() {
  socket_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool Opener::can_answer() {
  char answer = 'n';
  return ::recv(socket_.get(), &answer, 1, 0) == 1 && answer == 'y';
}

void Opener::serve(UniqueFd listener) {
  static_cast<void>(send(socket_.get(), serve_this, listener.get()));
}

void Opener::start_daemon() const {
  static_cast<void>(send(socket_.get(), start));
}

}  // namespace samepage::vmm
