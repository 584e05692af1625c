// SPDX-License-Identifier: Apache-2.0
// A host with `samepage libvirtd`, and a stock virsh to use it.
#pragma once

#include <memory>
#include <string>

#include "tests/system/host.hpp"
#include "tests/system/process.hpp"

namespace samepage::system_test {

/// Skips itself where there is no virsh.
class Libvirt : public Host {
 protected:
  void SetUp() override;
  void TearDown() override;

  void start_server(const Words& options = {});
  void end_server();
  [[nodiscard]] std::string socket_path() const { return directory_ + "/libvirt-sock"; }
  [[nodiscard]] std::string uri() const;

  [[nodiscard]] Words virsh_words(const Words& command) const;
  Finished virsh(const Words& command) const { return run(virsh_words(command)); }
  /// What virsh prints; fails the test when it does not end well.
  std::string ask_virsh(const Words& command) const;
  /// What virsh says when it ends with 1.
  std::string refused(const Words& command) const;
  /// Writes a file with a definition and returns its path.
  [[nodiscard]] std::string definition(const std::string& name, const std::string& image,
                                       const std::string& words, const std::string& devices = "") const;

  std::unique_ptr<Process> server_;
};

}  // namespace samepage::system_test
