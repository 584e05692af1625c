// SPDX-License-Identifier: Apache-2.0
#include "tests/system/paging_host.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace samepage::system_test {
namespace {

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace

void PagingHost::SetUp() {
  Host::SetUp();
  if (!IsSkipped()) std::filesystem::create_directory(directory_ + "/disks");
}

void PagingHost::start_daemon_with(const Words& specs) {
  kill_daemon();
  Words options;
  for (const std::string& spec : specs) options.insert(options.end(), {"--paging-file", spec});
  start_daemon(options);
}

nlohmann::json PagingHost::paging(const Words& words) const {
  Words arguments{"paging"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  return ask(arguments);
}

void PagingHost::start_fill(const std::string& name, unsigned pages) const {
  const std::string mem = std::to_string(pages / 256 + 8) + "M";
  start(name, {"fill", "own=" + std::to_string(pages), "verify=1"}, {"--mem", mem});
  wait_for_line(name, "ready");
}

pid_t PagingHost::pid_of(const std::string& guest) const {
  return guest_figures(guest).at("pid").get<pid_t>();
}

pid_t PagingHost::daemon_pid() const {
  const nlohmann::json daemon = ask({"stat"}).at("daemon");
  return daemon.is_object() ? daemon.value("pid", pid_t{-1}) : -1;
}

std::uint64_t PagingHost::pss_anon(const std::string& guest) const {
  std::ifstream rollup("/proc/" + std::to_string(pid_of(guest)) + "/smaps_rollup");
  std::string word;
  std::uint64_t kibibytes = 0;
  while (rollup >> word && word != "Pss_Anon:") {
  }
  EXPECT_TRUE(rollup >> kibibytes) << guest;
  return kibibytes << 10U;
}

std::size_t PagingHost::verified(const std::string& guest) const {
  const std::string log = log_of(guest);
  EXPECT_EQ(log.find("wrong"), std::string::npos) << guest << ": " << log;
  return count(log, "verified\n");
}

void PagingHost::expect_verifies(const std::string& guest) const {
  const std::size_t before = verified(guest);
  wait_until(guest + " has checked its pages again", [&] { return verified(guest) > before + 1; });
}

void PagingHost::expect_refused(const Finished& finished, const std::string& cause) {
  EXPECT_EQ(finished.code, 1) << cause << ": " << finished.out << finished.err;
  EXPECT_NE(finished.err.find(cause), std::string::npos) << cause << ": " << finished.err;
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
}

}  // namespace samepage::system_test
