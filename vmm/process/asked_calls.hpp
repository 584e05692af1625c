// SPDX-License-Identifier: Apache-2.0
// The calls that threads of a guest's process ask its opener for: takes one from the kernel, copies its
// paths out of the guest's process, and answers it as the policy says. The opener's process alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "vmm/process/opener_policy.hpp"

struct seccomp_data;

namespace samepage::vmm {

class AskedCalls {
 public:
  /// `policy` must outlive it.
  explicit AskedCalls(const OpenerPolicy& policy) : policy_(policy) {}

  void answer_one(int listener);
  /// Whether the guest's process can be read; `sample` lies at the same address there, and is the same.
  [[nodiscard]] bool can_read(std::span<const char> sample) const;

 private:
  struct Answer {
    int error = 0;
    UniqueFd fd;  // to hand over
  };
  [[nodiscard]] Answer answer_to(const seccomp_data& call) const;
  /// Of a descriptor that was just opened, or why it was not.
  [[nodiscard]] static Answer opened(UniqueFd fd);
  [[nodiscard]] Answer open(std::uint64_t directory, const std::string& path, int flags) const;
  [[nodiscard]] Answer refuse(const char* what, const std::string& path) const;
  [[nodiscard]] std::optional<std::string> path_at(std::uint64_t address) const;
  /// A path that may be relative to a directory that the guest's process has open.
  [[nodiscard]] std::string absolute(std::uint64_t directory, const std::string& path) const;

  const OpenerPolicy& policy_;
};

}  // namespace samepage::vmm
