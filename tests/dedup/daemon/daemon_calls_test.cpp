// SPDX-License-Identifier: Apache-2.0
// What threads of the daemon may not do ends it; what the document says is what the table has.
#include "dedup/daemon/daemon_calls.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <array>
#include <csignal>

#include "tests/base/calls_table.hpp"
#include "tests/base/confined_process.hpp"

namespace samepage::dedup {
namespace {

constexpr std::array kinds_of_daemon{ThreadKind::merging, ThreadKind::writer, ThreadKind::metrics};

void expect_forbidden(ThreadKind kind, std::string_view call, const std::function<void()>& act) {
  const Ended ended = in_child([&](int said) {
    give_up_privileges();
    prepare_confinement({daemon_calls(), daemon_threads, ThreadKind::merging, Asking::allowed, say_it(said),
                         0, "nobody told", code_of_forbidden});
    static_cast<void>(confine_main_thread());
    return act_as(kind, ThreadKind::merging, act);
  });
  EXPECT_EQ(ended.code, code_of_forbidden) << name_of(kind) << ": " << ended.said;
  EXPECT_NE(ended.said.find(fmt::format("its {} thread made the system call '{}'", name_of(kind), call)),
            std::string::npos)
      << ended.said;
}

TEST(DaemonCalls, NoThreadStartsAProgramOrLooksIntoAProcess) {
  for (const ThreadKind kind : kinds_of_daemon) {
    expect_forbidden(kind, "execve", [] { ::syscall(SYS_execve, "/bin/true", nullptr, nullptr); });
    expect_forbidden(kind, "fork", [] { ::syscall(SYS_fork); });
    expect_forbidden(kind, "ptrace", [] { ::syscall(SYS_ptrace, 16, 1, 0, 0); });
    expect_forbidden(kind, "process_vm_readv",
                     [] { ::syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0); });
    expect_forbidden(kind, "kill", [] { ::kill(1, 0); });
    expect_forbidden(kind, "mmap", [] {
      ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    });
  }
}

TEST(DaemonCalls, APagingWriterOpensNothing) {
  for (const auto& [call, number] :
       {std::pair{"openat", SYS_openat}, {"socket", SYS_socket}, {"unlink", SYS_unlink}}) {
    expect_forbidden(ThreadKind::writer, call, [number = number] { ::syscall(number, 0, 0, 0, 0); });
  }
}

TEST(DaemonCalls, TheMainThreadMayMakeWhatAnyOtherMay) {
  for (const CallRule& rule : daemon_calls())
    EXPECT_TRUE(contains(rule.who, ThreadKind::merging)) << rule.call;
}

TEST(DaemonCalls, TheDocumentShowsThem) {
  expect_document_shows(SAMEPAGE_DOCUMENTS, daemon_calls(), kinds_of_daemon);
}

}  // namespace
}  // namespace samepage::dedup
