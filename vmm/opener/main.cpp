// SPDX-License-Identifier: Apache-2.0
// samepage-opener: what process/opener.hpp describes. There is one beside each confined guest, so it is small
// and starts fast: without a C library, whose start takes four times as long as all of this program's (it
// asks a processor what it is, which a hypervisor answers slowly).
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "vmm/opener/asked_calls.hpp"
#include "vmm/opener/daemon_start.hpp"
#include "vmm/opener/kernel.hpp"
#include "vmm/process/opener_message.hpp"

namespace samepage::vmm {
namespace {

using kernel::call;
using kernel::Fd;
using What = OpenerMessage::What;

[[noreturn]] void end(int code) {
  for (;;) call(SYS_exit_group, code);
}

pid_t number_of(std::string_view text) {
  pid_t number = 0;
  for (const char c : text) number = number * 10 + (c - '0');
  return number;
}

// A message and the descriptor that came along. False when the guest's process is gone.
bool receive(OpenerMessage& message, Fd& descriptor) {
  iovec part{&message, sizeof(message)};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = room.data();
  header.msg_controllen = room.size();
  if (call(SYS_recvmsg, opener_socket, &header, MSG_CMSG_CLOEXEC | MSG_WAITALL) != sizeof(message))
    return false;
  if (const cmsghdr* const control = CMSG_FIRSTHDR(&header); control != nullptr) {
    int number = -1;
    __builtin_memcpy(&number, CMSG_DATA(control), sizeof(number));
    descriptor = Fd(number);
  }
  return true;
}

void answer(What what) {
  const OpenerMessage message{what, 0};
  call(SYS_sendto, opener_socket, &message, sizeof(message), MSG_NOSIGNAL, nullptr, 0);
}

[[noreturn]] void serve(const OpenerPolicy& policy, Refusals& refusals, const DaemonStart& daemon) {
  AskedCalls calls(policy, refusals);
  Fd listener;
  for (;;) {
    std::array<pollfd, 2> waits{pollfd{opener_socket, POLLIN, 0}, pollfd{listener.number(), POLLIN, 0}};
    if (call(SYS_poll, waits.data(), waits.size(), -1) < 0) continue;
    if ((waits[1].revents & POLLIN) != 0) calls.answer_one(listener.number());
    if ((waits[1].revents & POLLHUP) != 0) end(0);
    if (waits[0].revents == 0) continue;
    OpenerMessage message;
    Fd descriptor;
    if (!receive(message, descriptor)) end(0);
    if (message.what == What::try_to_read) {
      answer(calls.can_read(message.address, opener_sample) ? What::can_read : What::can_not_read);
    } else if (message.what == What::serve && descriptor) {
      listener = static_cast<Fd&&>(descriptor);
    } else if (message.what == What::start_daemon) {
      daemon.start();
    }
  }
}

}  // namespace

// Where the program begins: `stack` is as the kernel has left it.
extern "C" [[noreturn]] void samepage_opener(const long* stack) {
  const long count = *stack;
  if (count <= opener_daemon_program) end(2);
  // SAFETY: System V ABI, "initial process stack": count, arguments, zero, environment, zero.
  char* const* const words = reinterpret_cast<char* const*>(stack + 1);
  call(SYS_prctl, PR_SET_NAME, words[opener_title]);
  const OpenerPolicy policy{
      number_of(words[opener_guest]), words[opener_name], words[opener_runtime],
      words[opener_resolved_runtime], words[opener_log],  {"/var/tmp", "/tmp", words[opener_temporary]}};
  Refusals refusals(words[opener_log_place], words[opener_log_name]);
  const DaemonStart daemon(words[opener_daemon_socket], words + opener_daemon_program, words + count + 1);
  serve(policy, refusals, daemon);
}

}  // namespace samepage::vmm

asm(".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call samepage_opener\n");
