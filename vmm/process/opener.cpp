// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/opener.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/argv.hpp"
#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/log.hpp"
#include "base/spawn_plan.hpp"

namespace samepage::vmm {
namespace {

using What = OpenerMessage::What;

// Beside this program, or where it is installed.
std::array<std::filesystem::path, 2> places_of_program() {
  const std::filesystem::path programs = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  return {programs / "samepage-opener",
          (programs / SAMEPAGE_LIBEXEC_FROM_PROGRAMS / "samepage-opener").lexically_normal()};
}

std::vector<std::string> words_of(const OpenerSetup& setup) {
  const std::string place = log_place();
  const std::string name = "guest " + setup.name;
  std::vector<std::string> words(opener_daemon_program);
  words[opener_title] = opener_sample;
  words[opener_guest] = std::to_string(::getpid());
  words[opener_name] = setup.name;
  words[opener_runtime] = setup.runtime;
  words[opener_resolved_runtime] = setup.resolved_runtime;
  words[opener_log] = setup.log;
  words[opener_temporary] = setup.temporary;
  words[opener_log_place] = place;
  words[opener_log_name] = place.starts_with('/') ? fmt::format("{}[{}]", name, ::getpid()) : name;
  words[opener_daemon_socket] = setup.daemon_socket;
  words.insert(words.end(), setup.daemon_command.begin(), setup.daemon_command.end());
  if (setup.daemon_command.empty()) words.emplace_back();
  return words;
}

// Nothing of the guest's process stays open there but stderr and the socket: neither files nor the ends of
// pipes that somebody reads. It takes no signals: it ends when its guest's process does, whatever a terminal
// or a service manager sends to both.
void plan_descriptors_and_signals(SpawnPlan& plan, int socket) {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO}) plan.open(stream, "/dev/null", O_RDWR);
  plan.duplicate(socket, opener_socket);
  plan.close_from(opener_socket + 1);
  sigset_t all;
  sigfillset(&all);
  plan.block(all);
  sigset_t ours;  // what it starts does not ignore what its starter has to ignore (nohup)
  sigemptyset(&ours);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&ours, signal);
  plan.take_by_default(ours);
}

pid_t start(const OpenerSetup& setup, const UniqueFd& socket) {
  const std::vector<std::string> words = words_of(setup);
  const std::vector<char*> argv = argv_of(words);
  SpawnPlan plan;
  plan_descriptors_and_signals(plan, socket.get());
  const auto places = places_of_program();
  pid_t pid = -1;
  int error = plan.spawn(pid, places.front().c_str(), argv.data());
  if (error == ENOENT) error = plan.spawn(pid, places.back().c_str(), argv.data());
  if (error == 0) return pid;
  throw UserError(fmt::format(
      "{}, which opens files for a confined guest, can't be started: {}; install all of samepage, "
      "or try --confine off",
      places.back().string(), std::strerror(error)));
}

}  // namespace

Opener::Opener(const OpenerSetup& setup) {
  auto [ours, its] = connected_sockets();
  pid_ = start(setup, its);
  socket_ = std::move(ours);
  // Where only a process's children may be looked into (Yama), this one may look into its parent.
  ::prctl(PR_SET_PTRACER, pid_, 0, 0, 0);
  say(What::try_to_read);
}

Opener::~Opener() {
  socket_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// One that is gone is not told anything.
void Opener::say(What what, int descriptor) const {
  // SAFETY: an address, not looked at here.
  OpenerMessage message{what, reinterpret_cast<std::uint64_t>(opener_sample.data())};
  iovec part{&message, sizeof(message)};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (descriptor >= 0) {
    header.msg_control = room.data();
    header.msg_controllen = room.size();
    cmsghdr* const control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(control), &descriptor, sizeof(int));
  }
  static_cast<void>(::sendmsg(socket_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT));
}

bool Opener::can_answer() {
  OpenerMessage answer;
  ssize_t got = 0;
  while ((got = ::recv(socket_.get(), &answer, sizeof(answer), MSG_WAITALL)) < 0 && errno == EINTR) {
  }
  return got == sizeof(answer) && answer.what == What::can_read;
}

void Opener::serve(UniqueFd listener) {
  say(What::serve, listener.get());
}

void Opener::start_daemon() const {
  say(What::start_daemon);
}

}  // namespace samepage::vmm
