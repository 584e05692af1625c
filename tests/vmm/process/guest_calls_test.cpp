// SPDX-License-Identifier: Apache-2.0
// What threads of a guest's process may not do ends it; what the document says is what the table has.
#include "vmm/process/guest_calls.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <csignal>

#include "base/framing.hpp"
#include "base/sealed_address.hpp"
#include "tests/base/calls_table.hpp"
#include "tests/base/confined_process.hpp"

namespace samepage::vmm {
namespace {

constexpr std::array kinds_of_guest{ThreadKind::control, ThreadKind::agent, ThreadKind::vcpu,
                                    ThreadKind::devices};

constexpr int cannot_be_tried = 77;

Ended in_thread(ThreadKind kind, const std::function<void()>& act) {
  return in_child([&](int said) {
    give_up_privileges();
    prepare_confinement({guest_calls(), guest_threads, ThreadKind::control, Asking::allowed, say_it(said), 0,
                         "nobody told", code_of_forbidden});
    static_cast<void>(confine_main_thread());
    return act_as(kind, ThreadKind::control, act);
  });
}

void expect_forbidden(ThreadKind kind, std::string_view call, const std::function<void()>& act) {
  const Ended ended = in_thread(kind, act);
  EXPECT_EQ(ended.code, code_of_forbidden) << name_of(kind) << ": " << call << ": " << ended.said;
  EXPECT_NE(ended.said.find(fmt::format("its {} thread made the system call '{}'", name_of(kind), call)),
            std::string::npos)
      << ended.said;
}

void execute() {
  ::syscall(SYS_execve, "/bin/true", nullptr, nullptr);
}

class EachThread : public testing::TestWithParam<ThreadKind> {};

TEST_P(EachThread, StartsNoProgramAndNoProcess) {
  expect_forbidden(GetParam(), "execve", execute);
  expect_forbidden(GetParam(), GetParam() == ThreadKind::control ? "fork" : "fork",
                   [] { ::syscall(SYS_fork); });
}

TEST_P(EachThread, LooksIntoNoOtherProcess) {
  expect_forbidden(GetParam(), "ptrace", [] { ::ptrace(PTRACE_ATTACH, 1, 0, 0); });
  expect_forbidden(GetParam(), "process_vm_readv",
                   [] { ::syscall(SYS_process_vm_readv, ::getpid(), nullptr, 0, nullptr, 0, 0); });
}

TEST_P(EachThread, SignalsNoOtherProcess) {
  expect_forbidden(GetParam(), "kill", [] { ::kill(1, 0); });
  expect_forbidden(GetParam(), "tgkill", [] { ::syscall(SYS_tgkill, 1, 1, 0); });
}

TEST_P(EachThread, MakesNoMemoryExecutable) {
  expect_forbidden(GetParam(), "mmap",
                   [] { ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); });
  expect_forbidden(GetParam(), "mprotect", [] {
    void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
  });
}

TEST_P(EachThread, HasNoNetwork) {
  expect_forbidden(GetParam(), "socket", [] { ::socket(AF_INET, SOCK_STREAM, 0); });
}

TEST_P(EachThread, ChangesNoRightsOfFiles) {
  expect_forbidden(GetParam(), "chmod", [] { ::chmod("/nowhere", 0); });
  expect_forbidden(GetParam(), "fchmod", [] { ::fchmod(0, 0); });
}

TEST_P(EachThread, TypesNothingIntoATerminal) {
  expect_forbidden(GetParam(), "ioctl", [] { ::ioctl(0, TIOCSTI, "x"); });
}

TEST_P(EachThread, MakesNoVirtualMachine) {
  expect_forbidden(GetParam(), "ioctl", [] { ::ioctl(0, KVM_CREATE_VM, 0); });
}

// The kernel looks at 32 bits of a request; what differs in the others is another one for a filter.
TEST_P(EachThread, ARequestIsComparedInAllItsBits) {
  expect_forbidden(GetParam(), "ioctl", [] { ::syscall(SYS_ioctl, -1, KVM_IRQ_LINE | (1UL << 32U), 0); });
}

TEST_P(EachThread, MakesNoCallOfAnotherArchitecture) {
  const Ended ended = in_thread(GetParam(), [] { ::syscall(0x4000'0000 | SYS_getpid); });
  EXPECT_EQ(ended.code, 128 + SIGSYS);
}

INSTANTIATE_TEST_SUITE_P(Guest, EachThread, testing::ValuesIn(kinds_of_guest),
                         [](const auto& tested) { return std::string(name_of(tested.param)); });

TEST(GuestCalls, VcpusAndDevicesOpenNothing) {
  for (const ThreadKind kind : {ThreadKind::vcpu, ThreadKind::devices}) {
    expect_forbidden(kind, "openat", [] { ::open("/dev/null", O_RDONLY); });
    expect_forbidden(kind, "connect", [] { ::syscall(SYS_connect, 0, nullptr, 0); });
    expect_forbidden(kind, "socket", [] { ::socket(AF_UNIX, SOCK_STREAM, 0); });
    expect_forbidden(kind, "unlink", [] { ::syscall(SYS_unlink, "/nowhere"); });
  }
}

// What the C library does in a thread that does ordinary things.
TEST(GuestCalls, OrdinaryWorkIsAllowed) {
  for (const ThreadKind kind : kinds_of_guest) {
    const Ended ended = in_thread(kind, [] {
      std::vector<std::string> much;
      for (int i = 0; i < 2000; ++i) much.emplace_back(std::size_t{1000}, 'x');
      try {
        throw_errno("nothing");
      } catch (const std::system_error&) {
      }
    });
    EXPECT_EQ(ended.code, 0) << name_of(kind) << ": " << ended.said;
  }
}

TEST(GuestCalls, OnlyTheSealedAddressIsConnectedTo) {
  const auto connected = [](const std::string& path, const std::string& sealed) {
    return in_child([&](int said) {
      if (!seal_address(sealed)) return cannot_be_tried;
      give_up_privileges();
      prepare_confinement({guest_calls(), guest_threads, ThreadKind::control, Asking::allowed, say_it(said),
                           0, "nobody told", code_of_forbidden});
      static_cast<void>(confine_main_thread());
      if (connect_local(path, {1, 0})) return 1;  // nobody is there
      return errno == ENOENT ? 0 : 2;
    });
  };
  const Ended daemon = connected("/nowhere/daemon.sock", "/nowhere/daemon.sock");
  if (daemon.code == cannot_be_tried) GTEST_SKIP() << "this kernel does not seal memory (Linux 6.10)";
  EXPECT_EQ(daemon.code, 0) << daemon.said;
  EXPECT_EQ(connected("/nowhere/daemon.soc", "/nowhere/daemon.sock").code, code_of_forbidden);
  // What is sealed can be neither written nor replaced.
  const Ended changed = in_child([&](int) {
    if (!seal_address("/nowhere")) return cannot_be_tried;
    auto* const page = const_cast<sockaddr_un*>(sealed_address());
    if (::mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0 || ::munmap(page, 4096) == 0) return 1;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    if (::mmap(page, 4096, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED) return 2;
    if (::madvise(page, 4096, MADV_DONTNEED) == 0) return 3;
    return std::string_view(page->sun_path) == "/nowhere" ? 0 : 4;
  });
  EXPECT_EQ(changed.code, 0);
}

TEST(GuestCalls, TheMainThreadMayMakeWhatAnyOtherMay) {
  for (const CallRule& rule : guest_calls())
    EXPECT_TRUE(contains(rule.who, ThreadKind::control)) << rule.call;
}

TEST(GuestCalls, TheDocumentShowsThem) {
  expect_document_shows(SAMEPAGE_DOCUMENTS, guest_calls(), kinds_of_guest);
}

}  // namespace
}  // namespace samepage::vmm
