// SPDX-License-Identifier: Apache-2.0
// Domains that are there when they don't run: NAME.xml in a directory, a link in its autostart/ for those
// that are started with the host. A file is complete or not there. One that can't be read is complained of
// and left alone. One thread at a time.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "manage/libvirt/domain_definition.hpp"

namespace samepage::libvirt {

/// Makes the directory where it is missing, and keeps other servers out of it for as long as the descriptor
/// is open: each knows what it has read. Throws UserError when there is another, std::system_error.
[[nodiscard]] UniqueFd lock_definitions(const std::string& directory);

class Definitions {
 public:
  /// Reads what is in `directory`, which need not be there. Throws std::system_error where it can't be read.
  explicit Definitions(std::string directory);

  /// By name; each has a UUID.
  [[nodiscard]] const std::map<std::string, DomainDefinition>& all() const { return definitions_; }
  /// Null when there is none.
  [[nodiscard]] const DomainDefinition* find(const std::string& name) const;
  /// Keeps it in place of the one of its name. Throws a libvirt::Error where it can't, and then nothing has
  /// changed.
  void put(const DomainDefinition& definition);
  /// The same.
  void remove(const std::string& name);

  [[nodiscard]] bool starts_with_host(const std::string& name) const;
  void set_starts_with_host(const std::string& name, bool starts);

  /// What was wrong with files, a sentence each; once.
  [[nodiscard]] std::vector<std::string> take_complaints() { return std::exchange(complaints_, {}); }

 private:
  [[nodiscard]] std::string file_of(const std::string& name) const;
  [[nodiscard]] std::string link_of(const std::string& name) const;
  void read_file(const std::string& name);

  std::string directory_;
  std::map<std::string, DomainDefinition> definitions_;
  std::vector<std::string> complaints_;
};

}  // namespace samepage::libvirt
