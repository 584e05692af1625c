// SPDX-License-Identifier: Apache-2.0
#include "base/confinement.hpp"

#include <fmt/format.h>
#include <linux/capability.h>
#include <malloc.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <memory>
#include <utility>

#include "base/check.hpp"
#include "base/event_fd.hpp"

namespace samepage {
namespace {

constexpr int patience_ms = 2'000;  // of a thread that waits for the main one to end the process
constexpr unsigned patience_s =
    10;  // of the main thread with itself: it may have been in the middle of anything

struct Prepared {
  ConfinementPlan plan;
  std::array<CallFilter, thread_kinds> filters;
  UniqueFd news = make_event();
};

// Never freed: threads may look at it while the process ends.
Prepared* prepared = nullptr;
std::atomic<bool> in_force = false;
thread_local ThreadKind own_kind = ThreadKind::control;
thread_local bool is_main = false;

// What the first forbidden call was, plus one; 0: there was none.
std::atomic<std::uint64_t> forbidden = 0;

std::uint64_t packed(const ForbiddenCall& call) {
  return (std::uint64_t{static_cast<std::uint32_t>(call.number)} << 8U | static_cast<unsigned>(call.by)) + 1;
}

ForbiddenCall unpacked(std::uint64_t bits) {
  --bits;
  return {static_cast<int>(bits >> 8U), static_cast<ThreadKind>(bits & 0xffU)};
}

// In a signal handler: neither memory nor locks. "samepage: ... (agent, system call 59)"
void say_last_words(const ForbiddenCall& call) {
  std::array<char, 256> line{};
  std::size_t size = 0;
  const auto add = [&](std::string_view text) { size += text.copy(line.data() + size, line.size() - size); };
  std::array<char, 12> digits{};
  const auto number = std::to_chars(digits.data(), digits.data() + digits.size(), call.number);
  add(prepared->plan.last_words);
  add(" (");
  add(name_of(call.by));
  add(", system call ");
  add({digits.data(), static_cast<std::size_t>(number.ptr - digits.data())});
  add(")\n");
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), size);
}

// In the thread that made the call, which does not go on. Another thread than the main one only waits for the
// end at first: it may hold locks. The main thread may be waiting for it, though.
void on_forbidden_call(int /*signal*/, siginfo_t* info, void* /*context*/) {
  const ForbiddenCall call{info->si_syscall, own_kind};
  std::uint64_t none = 0;
  forbidden.compare_exchange_strong(none, packed(call));
  if (is_main) {
    ::alarm(patience_s);
    ::_exit(prepared->plan.end(call));
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(prepared->news.get(), &one, sizeof(one));
  ::poll(nullptr, 0, patience_ms);
  say_last_words(call);
  if (contains(prepared->plan.tellers, own_kind)) {
    ::alarm(patience_s);
    ::_exit(prepared->plan.end(call));
  }
  ::_exit(prepared->plan.exit_code);
}

void catch_forbidden_calls() {
  struct sigaction action {};
  action.sa_sigaction = on_forbidden_call;
  action.sa_flags = SA_SIGINFO;
  check(::sigaction(SIGSYS, &action, nullptr), "sigaction");
  sigset_t only{};
  sigemptyset(&only);
  sigaddset(&only, SIGSYS);
  ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
}

const CallFilter* filter_of(ThreadKind kind) {
  if (prepared == nullptr) return nullptr;
  const CallFilter& filter = prepared->filters.at(static_cast<std::size_t>(kind));
  invariant(!filter.empty(), "a thread of a kind that nobody has prepared for");
  own_kind = kind;
  return &filter;
}

}  // namespace

std::string text_of(const ForbiddenCall& call) {
  return fmt::format(
      "its {} thread made the system call '{}', which it may not make; either somebody has taken the process "
      "over or this is a fault of samepage: please report it ('--confine off' runs without the check)",
      name_of(call.by), name_of_call(call.number));
}

void prepare_confinement(ConfinementPlan plan) {
  invariant(prepared == nullptr, "a process is confined twice");
  auto made = std::make_unique<Prepared>();
  const CallTable table(plan.rules);
  for (std::size_t number = 0; number < thread_kinds; ++number) {
    const auto kind = static_cast<ThreadKind>(number);
    if (!contains(plan.kinds, kind)) continue;
    // The main thread's filter holds for all. What a thread asks for is its matter: it has the listener.
    made->filters.at(number) =
        kind == plan.main ? CallFilter(table, kind, plan.asking) : CallFilter::below(table, kind, plan.main);
  }
  made->plan = std::move(plan);
  // With a heap for each thread the C library opens a file when the first of them shrinks (glibc,
  // check_may_shrink_heap). Few threads allocate here, and one heap is smaller than several.
  ::mallopt(M_ARENA_MAX, 1);
  catch_forbidden_calls();
  prepared = made.release();
}

void confine_thread(ThreadKind kind) {
  if (const CallFilter* const filter = filter_of(kind)) filter->install();
}

UniqueFd confine_main_thread() {
  if (prepared == nullptr) return {};
  const CallFilter* const filter = filter_of(prepared->plan.main);
  is_main = true;
  UniqueFd listener;
  if (prepared->plan.asking == Asking::by_rule) {
    listener = filter->install_with_listener();
  } else {
    filter->install();
  }
  in_force = true;
  return listener;
}

bool is_confined() {
  return in_force;
}

int forbidden_call_fd() {
  return prepared == nullptr ? -1 : prepared->news.get();
}

void end_after_forbidden_call() {
  const std::uint64_t call = forbidden;
  if (call == 0) return;
  ::alarm(patience_s);
  ::_exit(prepared->plan.end(unpacked(call)));
}

// Real-time priorities are a matter of a limit, or of a capability where that can't be raised (root of a
// container). False in the second case.
bool keep_real_time_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_RTPRIO, &limit) != 0) return false;
  if (limit.rlim_cur >= 1) return true;
  limit.rlim_cur = 1;
  limit.rlim_max = std::max<rlim_t>(limit.rlim_max, 1);
  return ::setrlimit(RLIMIT_RTPRIO, &limit) == 0;
}

void give_up_privileges(std::uint64_t kept) {
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)");
  if (!keep_real_time_limit()) kept |= std::uint64_t{1} << CAP_SYS_NICE;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  check(static_cast<int>(::syscall(SYS_capget, &header, sets.data())), "capget");
  for (std::size_t half = 0; half < sets.size(); ++half) {
    const auto keep = static_cast<std::uint32_t>(kept >> (32 * half));
    sets.at(half).permitted &= keep;
    sets.at(half).effective &= keep;
    sets.at(half).inheritable = 0;
  }
  check(static_cast<int>(::syscall(SYS_capset, &header, sets.data())), "capset");
}

}  // namespace samepage
