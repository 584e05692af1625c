// SPDX-License-Identifier: Apache-2.0
// The calls that threads of a guest's process ask its opener for: takes one from the kernel, copies its
// paths out of the guest's process, and answers it as the policy says.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "vmm/opener/kernel.hpp"
#include "vmm/opener/opener_policy.hpp"
#include "vmm/opener/refusals.hpp"

struct seccomp_data;

namespace samepage::vmm {

class AskedCalls {
 public:
  /// Both must outlive it.
  AskedCalls(const OpenerPolicy& policy, Refusals& refusals) : policy_(policy), refusals_(refusals) {}

  void answer_one(int listener);
  /// Whether the guest's process can be read: `sample` is what it has at `address`.
  [[nodiscard]] bool can_read(std::uint64_t address, std::string_view sample) const;

 private:
  struct Answer {
    long error = 0;  // as the kernel returns it
    kernel::Fd fd;   // to hand over
  };
  [[nodiscard]] Answer answer_to(const seccomp_data& call);
  /// Of a descriptor that was just opened, or why it was not.
  [[nodiscard]] static Answer opened(kernel::Fd fd);
  [[nodiscard]] Answer open(std::uint64_t directory, std::string_view path, int flags);
  [[nodiscard]] Answer refuse(std::string_view what, std::string_view path);
  /// What does not fit a PathText is none either.
  [[nodiscard]] std::optional<PathText> path_at(std::uint64_t address) const;
  /// A path that may be relative to a directory that the guest's process has open.
  [[nodiscard]] PathText absolute(std::uint64_t directory, std::string_view path) const;

  const OpenerPolicy& policy_;
  Refusals& refusals_;
};

}  // namespace samepage::vmm
