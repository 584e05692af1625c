// SPDX-License-Identifier: Apache-2.0
#include "tests/system/libvirt.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>

#include <fstream>

#include "base/framing.hpp"
#include "base/unique_fd.hpp"

namespace samepage::system_test {
namespace {

constexpr const char* stock_virsh = "/usr/bin/virsh";

// Without the empty lines that virsh ends its answers with.
std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

void Libvirt::SetUp() {
  if (::access(stock_virsh, X_OK) != 0) GTEST_SKIP() << "there is no " << stock_virsh;
  Host::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  ::setenv("XDG_CONFIG_HOME", (directory_ + "/config").c_str(), 1);
  ::setenv("LC_ALL", "C", 1);
  start_server();
}

void Libvirt::TearDown() {
  end_server();
  Host::TearDown();
}

void Libvirt::start_server(const Words& options) {
  Words words{program("samepage"), "libvirtd"};
  words.insert(words.end(), options.begin(), options.end());
  server_ = std::make_unique<Process>(words, -1, 2);
  wait_until("the server listens", [&] { return static_cast<bool>(connect_local(socket_path())); });
}

void Libvirt::end_server() {
  if (!server_) return;
  server_->signal(SIGTERM);
  EXPECT_EQ(server_->wait(), 0);
  server_.reset();
}

std::string Libvirt::uri() const {
  return "samepage+unix:///system?socket=" + socket_path();
}

Words Libvirt::virsh_words(const Words& command) const {
  Words words{stock_virsh, "--quiet", "--connect", uri()};
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

std::string Libvirt::ask_virsh(const Words& command) const {
  const Finished finished = virsh(command);
  EXPECT_EQ(finished.code, 0) << command[0] << ": " << finished.out << finished.err;
  return trimmed(finished.out);
}

std::string Libvirt::refused(const Words& command) const {
  const Finished finished = virsh(command);
  EXPECT_EQ(finished.code, 1) << command[0] << ": " << finished.out;
  return trimmed(finished.err);
}

std::string Libvirt::definition(const std::string& name, const std::string& image, const std::string& words,
                                const std::string& devices) const {
  const std::string path = directory_ + "/" + name + ".xml";
  std::ofstream(path) << fmt::format(
      "<domain type='samepage'><name>{}</name><memory unit='MiB'>16</memory><vcpu>2</vcpu>"
      "<os><type>hvm</type><kernel>{}</kernel><cmdline>{}</cmdline></os><devices>{}</devices></domain>",
      name, image, words, devices);
  return path;
}

}  // namespace samepage::system_test
