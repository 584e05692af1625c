// SPDX-License-Identifier: Apache-2.0
// The program looks a call's number up by halves, and has for each what its arguments have to be. When it is
// installed, the kernel goes through it with each call that there is, to remember which are allowed whatever
// their arguments (Linux 5.11): as a list, a guest's main filter took 0.2 ms for that. libseccomp knows the
// calls' names; its own compiler takes a millisecond for the filters of a guest, and makes lists.
// Long because the kernel's program is written here instruction by instruction, and a mistake in one is a
// hole.
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
#include <map>
#include <memory>
#include <utility>

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
                 {load_high(argument), jump(BPF_JEQ, 0, 0, 2 + values.size()), load_low(argument)});
  for (std::size_t i = 0; i < values.size(); ++i) {
    invariant(high(values[i]) == 0, "a filter compares a number that is too large");
    const bool last = i + 1 == values.size();
    program.push_back(jump(BPF_JEQ, low(values[i]), values.size() - 1 - i, last ? 1 : 0));
  }
  program.push_back(end(action));
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

// What becomes of calls from a number on, up to where the next stretch begins.
struct Stretch {
  std::uint32_t first = 0;
  const Program* what = nullptr;
};

bool is_same(const Program& one, const Program& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](const sock_filter& a, const sock_filter& b) {
                      return a.code == b.code && a.jt == b.jt && a.jf == b.jf && a.k == b.k;
                    });
}

// For each call that a kind of thread has rules for, what tells by its arguments.
using Programs = std::map<std::uint32_t, Program>;

// Several rules for one call: in the table's order.
Programs programs_of(const CallTable& table, ThreadKind kind, Asking asking) {
  Programs programs;
  for (std::size_t i = 0; i < table.rules.size(); ++i) {
    const CallRule& rule = table.rules[i];
    if (contains(rule.who, kind))
      add_rule(programs[table.numbers[i]], rule.when, action_of(rule.answer, asking));
  }
  for (auto& [number, program] : programs) {
    // No rule looks at arguments after one that does not.
    if (BPF_CLASS(program.front().code) != BPF_RET) program.push_back(end(SECCOMP_RET_TRAP));
  }
  return programs;
}

// Calls in order, each with what happens to it. Those that are not named have the fate of the one before.
class Stretches {
 public:
  explicit Stretches(const Program& first) : all_{{0, &first}} {}

  void add(std::uint32_t number, const Program& what) {
    if (all_.back().first == number) all_.pop_back();
    if (all_.empty() || !is_same(*all_.back().what, what)) all_.push_back({number, &what});
  }
  [[nodiscard]] std::span<const Stretch> all() const { return all_; }

 private:
  std::vector<Stretch> all_;
};

const Program to_forbid{end(SECCOMP_RET_TRAP)};
const Program to_allow{end(SECCOMP_RET_ALLOW)};

// The number is loaded.
void add_lookup(Program& program, std::span<const Stretch> stretches) {
  if (stretches.size() == 1) {
    const Program& what = *stretches.front().what;
    program.insert(program.end(), what.begin(), what.end());
    return;
  }
  const std::size_t half = stretches.size() / 2;
  const std::uint32_t from = stretches[half].first;
  const std::size_t test = program.size();
  program.emplace_back();
  add_lookup(program, stretches.first(half));
  const std::size_t below = program.size() - test - 1;
  if (below < 256) {
    program[test] = jump(BPF_JGE, from, below, 0);
  } else {  // farther than a test jumps
    program[test] = jump(BPF_JGE, from, 0, 1);
    program.insert(program.begin() + static_cast<std::ptrdiff_t>(test) + 1,
                   {BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(below)});
  }
  add_lookup(program, stretches.subspan(half));
}

}  // namespace

CallTable::CallTable(std::span<const CallRule> of) : rules(of) {
  numbers.reserve(rules.size());
  for (const CallRule& rule : rules) {
    const int number = ::seccomp_syscall_resolve_name(std::string(rule.call).c_str());
    if (number < 0) invariant(false, fmt::format("there is no system call {}", rule.call));
    numbers.push_back(static_cast<std::uint32_t>(number));
  }
}

CallFilter::CallFilter(const CallTable& table, ThreadKind kind, Asking asking) {
  program_ = {load(offsetof(seccomp_data, arch)),  jump(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
              end(SECCOMP_RET_KILL_PROCESS),       load(offsetof(seccomp_data, nr)),
              jump(BPF_JGE, first_x32_call, 0, 1), end(SECCOMP_RET_KILL_PROCESS)};
  const Programs programs = programs_of(table, kind, asking);
  Stretches stretches(to_forbid);
  for (const auto& [number, program] : programs) {
    stretches.add(number, program);
    stretches.add(number + 1, to_forbid);
  }
  add_lookup(program_, stretches.all());
}

CallFilter CallFilter::below(const CallTable& table, ThreadKind kind, ThreadKind main) {
  const Programs own = programs_of(table, kind, Asking::allowed);
  const Programs mains = programs_of(table, main, Asking::allowed);
  Stretches stretches(to_allow);
  for (const auto& [number, program] : mains) {
    const auto mine = own.find(number);
    if (mine == own.end()) {
      stretches.add(number, to_forbid);
    } else {
      stretches.add(number, is_same(mine->second, program) ? to_allow : mine->second);
    }
  }
  CallFilter filter;
  filter.program_ = {load(offsetof(seccomp_data, nr))};
  add_lookup(filter.program_, stretches.all());
  return filter;
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
