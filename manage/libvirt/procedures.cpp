// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/procedures.hpp"

#include <algorithm>
#include <vector>

namespace samepage::libvirt {

std::span<const Procedure> all_procedures() {
  static const std::vector<Procedure> table = [] {
    std::vector<Procedure> all;
    for (const auto part :
         {connection_procedures(), node_procedures(), domain_procedures(), figure_procedures()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    std::sort(all.begin(), all.end(),
              [](const Procedure& a, const Procedure& b) { return a.number < b.number; });
    return all;
  }();
  return table;
}

const Procedure* find_procedure(std::int32_t number) {
  const std::span<const Procedure> all = all_procedures();
  const auto found = std::lower_bound(
      all.begin(), all.end(), number,
      [](const Procedure& procedure, std::int32_t sought) { return procedure.number < sought; });
  return found != all.end() && found->number == number ? &*found : nullptr;
}

}  // namespace samepage::libvirt
