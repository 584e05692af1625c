// SPDX-License-Identifier: Apache-2.0
// What must be true when nothing happens any more.
#include <sys/stat.h>
#include <csignal>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "tests/soak/chaos.hpp"

namespace samepage::soak {

using nlohmann::json;

void Chaos::all_go_on() {
  for (Guest& guest : guests_) {
    ::kill(guest.pid, SIGCONT);
    guest.hangs = false;
  }
  merge_fast();
  ASSERT_EQ(samepage({"tune", "merging=on"}).code, 0);
  for (const Guest& guest : guests_) {
    wait_until(guest.name + " goes on", [&] {
      static_cast<void>(samepage({"resume", guest.name}));
      for (const json& there : ask({"ps"})) {
        if (there.at("name") == guest.name && there.at("state") == "running") return true;
      }
      return false;
    });
  }
}

// None has ended but those that were told to.
void Chaos::expect_all_there() const {
  std::map<std::string, int> there;
  for (const json& guest : ask({"ps"})) ++there[guest.at("name").get<std::string>()];
  for (const Guest& guest : guests_) {
    EXPECT_EQ(there[guest.name], 1) << guest.name << " has ended by itself: " << log_of(guest.name);
    const std::string log = log_of(guest.name);
    for (const char* word : {"FAILED", "wrong"})
      EXPECT_EQ(log.find(word), std::string::npos) << guest.name << log;
  }
  EXPECT_EQ(there.size(), guests_.size());
}

// It has checked its memory since.
void Chaos::expect_work(const Guest& guest) const {
  const auto cpu = [&] { return guest_figures(guest.name).at("cpu_user_us").get<std::uint64_t>(); };
  wait_until(guest.name + " has joined", [&] { return guest_figures(guest.name).at("connected") == true; });
  const std::string before = log_of(guest.name);
  const std::uint64_t used = cpu();
  wait_until(guest.name + " works", [&] { return log_of(guest.name) != before || cpu() > used + 500'000; });
}

void Chaos::count_when_quiet() {
  all_go_on();
  expect_all_there();
  if (HasFailure()) return;
  for (const Guest& guest : guests_) expect_work(guest);
  expect_all_there();
  if (HasFailure() || guests_.empty()) return;
  for (const Guest& guest : guests_) EXPECT_EQ(samepage({"pause", guest.name}).code, 0);
  wait_until("nobody maps what a lost daemon had", [&] {
    for (const Guest& guest : guests_) {
      if (!guest_figures(guest.name).at("orphaned_stores").empty()) return false;
    }
    return true;
  });
  settle();
  expect_counted();
  for (const Guest& guest : guests_) EXPECT_EQ(samepage({"resume", guest.name}).code, 0);
}

// What the daemon's stores hold, as the kernel says.
std::uint64_t Chaos::store_bytes() const {
  std::map<ino_t, std::uint64_t> stores;
  for (const auto& file : std::filesystem::directory_iterator("/proc/" + std::to_string(daemon_) + "/fd")) {
    std::error_code gone;
    if (!std::filesystem::read_symlink(file, gone).string().starts_with("/memfd:samepage-frames")) continue;
    struct stat figures {};
    if (::stat(file.path().c_str(), &figures) != 0) continue;
    stores[figures.st_ino] = static_cast<std::uint64_t>(figures.st_blocks) * 512;
  }
  std::uint64_t sum = 0;
  for (const auto& [inode, held] : stores) sum += held;
  return sum;
}

// Figures against the page tables of all guests, which stand still.
void Chaos::expect_counted() const {
  std::map<std::string, std::uint64_t> pages;
  for (const Guest& guest : guests_) {
    for (const json& run : ask({"map", guest.name})) {
      pages[run.at("state").get<std::string>()] += run.at("pages").get<std::uint64_t>();
    }
  }
  const json host = host_figures();
  const auto figure = [&](const char* key) { return host.at(key).get<std::uint64_t>(); };
  EXPECT_EQ(figure("pages_shared") + figure("pages_sharing"), pages["frame"]) << host;
  EXPECT_EQ(figure("paged_bytes"), bytes(pages["paged"] + pages["paged-in"])) << host;
  EXPECT_EQ(store_bytes(), bytes(figure("pages_shared"))) << host;
  EXPECT_EQ(figure("zero_pages"), pages["zero"]) << host;
}

void Chaos::end_all() {
  all_go_on();
  expect_all_there();
  for (const Guest& guest : guests_) EXPECT_EQ(samepage({"stop", guest.name}).code, 0) << guest.name;
  guests_.clear();
  wait_until("all guests have ended",
             [&] { return ask({"ps"}).empty() && ask({"stat"}).at("guests").empty(); });
  expect_nothing_left();
}

void Chaos::expect_nothing_left() {
  for (const char* key :
       {"pages_shared", "pages_sharing", "pages_unshared", "slots_bytes", "paged_bytes", "reserved_bytes"}) {
    EXPECT_EQ(figure(key), 0U) << key << host_figures();
  }
  EXPECT_EQ(store_bytes(), 0U);
  for (const json& paging_file : paging()) {
    EXPECT_EQ(paging_file.at("used_bytes"), 0U) << paging_file;
    paging({"--remove", paging_file.at("path").get<std::string>()});
  }
  wait_until("the paging files are gone", [&] { return paging().empty(); });
  // Whoever still runs here: a process that was started in this host has its runtime directory.
  for (const auto& process : std::filesystem::directory_iterator("/proc")) {
    std::ifstream environment(process.path() / "environ");
    const std::string text{std::istreambuf_iterator<char>(environment), {}};
    if (text.find("SAMEPAGE_RUNTIME_DIR=" + directory_) == std::string::npos) continue;
    EXPECT_EQ(process.path().filename(), std::to_string(daemon_));
  }
  std::filesystem::remove_all(directory_ + "/disks");
  EXPECT_EQ(leftovers(), std::vector<std::string>{});
}

}  // namespace samepage::soak
