// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/daemon_confinement.hpp"

#include <fcntl.h>
#include <linux/capability.h>

#include <ctime>

#include "base/check.hpp"
#include "base/confinement.hpp"
#include "base/log.hpp"
#include "dedup/daemon/daemon_calls.hpp"

namespace samepage::dedup {
namespace {

// Of root's daemon: paging files that are added may lie in directories of others.
constexpr std::uint64_t kept_capabilities = std::uint64_t{1} << CAP_DAC_OVERRIDE | std::uint64_t{1}
                                                                                       << CAP_DAC_READ_SEARCH;

int end_daemon(const ForbiddenCall& call) {
  log_error("the daemon ends", text_of(call));
  return 1;
}

}  // namespace

DaemonConfinement::DaemonConfinement(boost::asio::io_context& io, Confine confine) {
  if (confine == Confine::off) return;
  ::tzset();  // reads files, once
  give_up_privileges(kept_capabilities);
  prepare_confinement({daemon_calls(), daemon_threads, ThreadKind::merging, Asking::allowed, end_daemon,
                       kinds({ThreadKind::metrics}),
                       "samepaged: it ends: one of its threads made a system call that it may not make", 1});
  static_cast<void>(confine_main_thread());
  forbidden_.emplace(io, check(::fcntl(forbidden_call_fd(), F_DUPFD_CLOEXEC, 0), "fcntl"));
  forbidden_->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [](boost::system::error_code error) {
                           if (!error) end_after_forbidden_call();
                         });
}

}  // namespace samepage::dedup
