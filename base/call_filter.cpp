// SPDX-License-Identifier: Apache-2.0
// The program is a list: for each call its number, what its arguments have to be, and what becomes of it. The
// kernel remembers which calls are allowed whatever their arguments (Linux 5.11) and does not run it for
// those, so those with arguments come first. libseccomp knows the calls' names; its own compiler takes a
// millisecond for the filters of a guest, which this does in 20 us.
#include "base/call_filter.hpp"

#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <memory>

#include "base/check.hpp"
#include "base/sealed_address.hpp"

namespace samepage {
namespace {

using Program = std::vector<sock_filter>;
using Test = ArgumentRule::Test;

constexpr std::uint32_t first_x32_call = 0x4000'0000;

sock_filter load(std::uint32_t offset) {
  return {BPF_LD | BPF_W | BPF_ABS, 0, 0, offset};
}

sock_filter load_low(unsigned argument) {
  return load(static_cast<std::uint32_t>(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t)));
}

sock_filter load_high(unsigned argument) {
  return load(load_low(argument).k + static_cast<std::uint32_t>(sizeof(std::uint32_t)));
}

// `yes` and `no` are how many instructions are passed over.
sock_filter jump(unsigned short test, std::uint32_t value, std::size_t yes, std::size_t no) {
  invariant(yes < 256 && no < 256, "a filter jumps too far");
  return {static_cast<unsigned short>(BPF_JMP | BPF_K | test), static_cast<std::uint8_t>(yes),
          static_cast<std::uint8_t>(no), value};
}

sock_filter end(std::uint32_t action) {
  return {BPF_RET | BPF_K, 0, 0, action};
}

std::uint32_t low(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}

std::uint32_t high(std::uint64_t value) {
  return static_cast<std::uint32_t>(value >> 32U);
}

// All 64 bits of an argument are compared: what a filter takes for another value than the kernel does would
// be a way around it.
void end_if_equal(Program& program, unsigned argument, std::uint64_t value, std::uint32_t action) {
  program.insert(program.end(), {load_high(argument), jump(BPF_JEQ, high(value), 0, 3), load_low(argument),
                                 jump(BPF_JEQ, low(value), 0, 1), end(action)});
}

// `values` have no more than 32 bits.
void end_if_one_of(Program& program, unsigned argument, std::span<const std::uint64_t> values,
                   std::uint32_t action) {
  program.insert(program.end(),
                 {load_high(argument), jump(BPF_JEQ, 0, 0, 1 + 2 * values.size()), load_low(argument)});
  for (const std::uint64_t value : values) {
    invariant(high(value) == 0, "a filter compares a number that is too large");
    program.insert(program.end(), {jump(BPF_JEQ, low(value), 0, 1), end(action)});
  }
}

// What ends there where the arguments are as the rule says, and goes on behind it elsewhere.
void add_rule(Program& program, const ArgumentRule& when, std::uint32_t action) {
  switch (when.test) {
    case Test::none:
      program.push_back(end(action));
      return;
    case Test::one_of:
      return end_if_one_of(program, when.argument, when.values, action);
    case Test::without:
      program.insert(program.end(),
                     {load_low(when.argument), jump(BPF_JSET, low(when.values.front()), 1, 0), end(action)});
      return;
    case Test::with:
      program.insert(program.end(), {load_low(when.argument),
                                     {BPF_ALU | BPF_AND | BPF_K, 0, 0, low(when.values.front())},
                                     jump(BPF_JEQ, low(when.values.front()), 0, 1),
                                     end(action)});
      return;
    case Test::own_process:
      return end_if_equal(program, when.argument, static_cast<std::uint64_t>(::getpid()), action);
    case Test::sealed: {
      if (sealed_address() == nullptr) return program.push_back(end(action));
      Program length;
      // SAFETY: an address, not looked at.
      const auto address = reinterpret_cast<std::uint64_t>(sealed_address());
      end_if_equal(length, when.argument + 1, sizeof(sockaddr_un), action);
      program.insert(program.end(),
                     {load_high(when.argument), jump(BPF_JEQ, high(address), 0, 2 + length.size()),
                      load_low(when.argument), jump(BPF_JEQ, low(address), 0, length.size())});
      program.insert(program.end(), length.begin(), length.end());
      return;
    }
  }
}

std::uint32_t action_of(CallRule::Answer answer, Asking asking) {
  switch (answer) {
    case CallRule::Answer::unknown:
      return SECCOMP_RET_ERRNO | ENOSYS;
    case CallRule::Answer::asked:
      if (asking == Asking::by_rule) return SECCOMP_RET_USER_NOTIF;
      break;
    case CallRule::Answer::allowed:
      break;
  }
  return SECCOMP_RET_ALLOW;
}

// The rules of one call, in the table's order.
struct Call {
  std::string_view name;
  std::vector<const CallRule*> rules;

  [[nodiscard]] bool looks_at_arguments() const { return rules.front()->when.test != Test::none; }
};

std::vector<Call> calls_of(std::span<const CallRule> rules, ThreadKind kind) {
  std::vector<Call> calls;
  for (const CallRule& rule : rules) {
    if (!contains(rule.who, kind)) continue;
    const auto known =
        std::find_if(calls.begin(), calls.end(), [&](const Call& call) { return call.name == rule.call; });
    (known != calls.end() ? *known : calls.emplace_back(Call{rule.call, {}})).rules.push_back(&rule);
  }
  std::stable_partition(calls.begin(), calls.end(),
                        [](const Call& call) { return call.looks_at_arguments(); });
  return calls;
}

std::uint32_t number_of_call(std::string_view name) {
  const int number = ::seccomp_syscall_resolve_name(std::string(name).c_str());
  if (number < 0) invariant(false, fmt::format("there is no system call {}", name));
  return static_cast<std::uint32_t>(number);
}

}  // namespace

CallFilter::CallFilter(std::span<const CallRule> rules, ThreadKind kind, Asking asking) {
  program_ = {load(offsetof(seccomp_data, arch)),  jump(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
              end(SECCOMP_RET_KILL_PROCESS),       load(offsetof(seccomp_data, nr)),
              jump(BPF_JGE, first_x32_call, 0, 1), end(SECCOMP_RET_KILL_PROCESS)};
  for (const Call& call : calls_of(rules, kind)) {
    Program block;
    for (const CallRule* const rule : call.rules)
      add_rule(block, rule->when, action_of(rule->answer, asking));
    block.push_back(end(SECCOMP_RET_TRAP));
    program_.push_back(jump(BPF_JEQ, number_of_call(call.name), 0, block.size()));
    program_.insert(program_.end(), block.begin(), block.end());
  }
  program_.push_back(end(SECCOMP_RET_TRAP));
}

int CallFilter::load_program(unsigned flags) const {
  // SAFETY: the kernel only reads the program.
  const sock_fprog program{static_cast<unsigned short>(program_.size()),
                           const_cast<sock_filter*>(program_.data())};
  return check(static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program)),
               "seccomp(2), which confines samepage ('--confine off' leaves it out)");
}

void CallFilter::install() const {
  static_cast<void>(load_program(0));
}

UniqueFd CallFilter::install_with_listener() const {
  return UniqueFd(load_program(SECCOMP_FILTER_FLAG_NEW_LISTENER));
}

std::string name_of_call(int number) {
  const std::unique_ptr<char, decltype(&std::free)> name(
      ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number), &std::free);
  return name ? std::string(name.get()) : fmt::format("system call {}", number);
}

std::string_view name_of(ThreadKind kind) {
  switch (kind) {
    case ThreadKind::control:
      return "control";
    case ThreadKind::agent:
      return "agent";
    case ThreadKind::vcpu:
      return "vCPU";
    case ThreadKind::devices:
      return "devices";
    case ThreadKind::merging:
      return "merging";
    case ThreadKind::writer:
      return "paging writer";
    case ThreadKind::metrics:
      return "metrics";
  }
  return "unknown";
}

}  // namespace samepage
