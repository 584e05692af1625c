// SPDX-License-Identifier: Apache-2.0
#include "base/lost_memory.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/check.hpp"
#include "base/event_fd.hpp"
#include "base/files_behind_memory.hpp"
#include "base/unique_fd.hpp"

namespace samepage {
namespace {

constexpr unsigned longest_end_s = 10;  // whoever tells may need a lock that the lost thread holds

struct Prepared {
  LostMemoryPlan plan;
  UniqueFd news = make_event();
};

// Never freed: threads may look at it while the process ends.
std::atomic<Prepared*> prepared = nullptr;
std::atomic<bool> ending = false;
thread_local bool is_main = false;
std::atomic<RescueOfMemory> rescue = nullptr;

void say(std::string_view text) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

// In a process that is not prepared: system calls only.
void say_last_words() {
  say("samepage: a page of memory could not be read back");
  if (const std::string_view files = files_behind_memory(); !files.empty()) {
    say(" from ");
    say(files);
  }
  say(": the disk has errors, or the file was damaged\n");
}

std::string reason() {
  return "a page of its memory could not be read: " + cause_of_lost_memory();
}

[[noreturn]] void end_now(const LostMemoryPlan& plan) {
  while (ending.exchange(true)) ::poll(nullptr, 0, -1);  // another thread does
  ::alarm(longest_end_s);
  ::_exit(plan.end(reason()));
}

void end_here(const Prepared& told) {
  if (!is_main) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(told.news.get(), &one, sizeof(one));
    ::poll(nullptr, 0, static_cast<int>(told.plan.patience.count()));
  }
  end_now(told.plan);
}

void on_bus_error(int signal, siginfo_t* info, void* /*context*/) {
  const int saved_errno = errno;
  const bool lost = info->si_code == BUS_ADRERR || info->si_code == BUS_MCEERR_AR;
  if (const RescueOfMemory act = rescue; lost && act != nullptr && act(*info)) {
    errno = saved_errno;
    return;
  }
  if (lost) {
    if (const Prepared* const told = prepared) end_here(*told);
    say_last_words();
  }
  // The access is made again, and ends the process as ever. Where none is made again (somebody sent the
  // signal), it is sent once more.
  ::signal(signal, SIG_DFL);
  if (!lost && info->si_code != BUS_ADRALN) ::raise(signal);
}

void handle_bus_errors() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    check(::sigaction(SIGBUS, &action, nullptr), "sigaction");
  });
}

}  // namespace

void prepare_for_lost_memory(LostMemoryPlan plan) {
  prepared = new Prepared{std::move(plan)};
  is_main = true;
  handle_bus_errors();
}

int lost_memory_fd() {
  const Prepared* const told = prepared;
  return told == nullptr ? -1 : told->news.get();
}

void end_after_lost_memory() {
  const Prepared* const told = prepared;
  if (told != nullptr && clear_event(told->news.get())) end_now(told->plan);
}

std::string cause_of_lost_memory() {
  std::string cause =
      "the file of a ROM or of persistent memory may have been cut short, or there is no room left where it "
      "is";
  const std::string_view files = files_behind_memory();
  if (!files.empty()) {
    cause = fmt::format("the disk of a paging file has errors, or the file was damaged ({}), or {}", files,
                        cause);
  }
  return cause;
}

void rescue_memory_with(RescueOfMemory act) {
  rescue = act;
  handle_bus_errors();
}

}  // namespace samepage
