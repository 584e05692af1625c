// SPDX-License-Identifier: Apache-2.0
// `samepage snapshot`, `restore`, `fork` and `rollback`: guests that go on from where another one was.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/json.hpp"
#include "base/units.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/device_options.hpp"
#include "manage/cli/guest_client.hpp"
#include "manage/cli/guest_fork.hpp"
#include "manage/cli/guest_writes.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/output_file.hpp"
#include "manage/cli/run.hpp"
#include "manage/cli/run_together.hpp"
#include "manage/cli/snapshot_check.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/guest_name.hpp"
#include "vmm/snapshot/snapshot_chain.hpp"
#include "vmm/snapshot/snapshot_file.hpp"
#include "vmm/snapshot/written_device.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

enum class FormerTap : std::uint8_t { kept, pulled };

struct Told {
  std::string guest;  // whose moment it is
  std::string file;
  std::string base;     // of a snapshot that is incremental
  bool verify = false;  // memory too
  RunOptions run;       // of those that go on from there
  std::vector<vmm::NetConfig> nets;
  vmm::DeviceConfig files;  // disks and persistent memory, in place of its own
  bool paused = false;
  bool without_own_disks = false;
};

vmm::GuestProcessConfig config_of(const vmm::Snapshot& snapshot, const Told& told) {
  vmm::GuestProcessConfig guest = config_of_clone(snapshot, told.run.guest.name);
  guest.confine = told.run.guest.confine;
  guest.starts = told.paused ? vmm::Starts::paused : vmm::Starts::running;
  return guest;
}

// An interface of the host leads to one guest. Clones are not plugged in unless they are told where to.
void choose_nets(std::vector<vmm::NetConfig>& nets, const Told& told, FormerTap former) {
  if (told.nets.empty()) {
    for (vmm::NetConfig& net : nets) net = {former == FormerTap::kept ? net.tap : "", {}};
    return;
  }
  if (told.nets.size() != nets.size()) {
    throw UserError(
        fmt::format("the guest has {} network devices; give --net as often, or not at all", nets.size()));
  }
  const bool plugged = std::any_of(told.nets.begin(), told.nets.end(),
                                   [](const vmm::NetConfig& net) { return !net.tap.empty() || net.mac; });
  if (told.run.count > 1 && plugged) {
    throw UserError("several guests can't have one network interface or address; start them one by one");
  }
  nets = told.nets;
}

// All is opened before the guest is asked, and handed to it. What it writes must not take the place of a file
// that it is based on.
vmm::SnapshotChain open_base(const Told& told) {
  vmm::SnapshotChain chain;
  if (told.base.empty()) return chain;
  try {
    chain = vmm::open_snapshot_chain(told.base);
  } catch (const std::exception& error) {
    throw UserError(fmt::format("cannot base a snapshot on {}: {}", told.base, error.what()));
  }
  struct stat target {};
  if (::stat(told.file.c_str(), &target) != 0) return chain;
  for (const vmm::ChainFile& file : chain) {
    struct stat info {};
    check(::fstat(file.fd.get(), &info), "fstat");
    if (info.st_dev != target.st_dev || info.st_ino != target.st_ino) continue;
    throw UserError(fmt::format(
        "the snapshot is based on {} and can't take its place; give it a name of its own", told.file));
  }
  return chain;
}

int snapshot(const Told& told, Format format) {
  const vmm::SnapshotChain base = open_base(told);
  const GuestConnection guest = connect_guest(told.guest);
  OutputFile output(told.file, S_IRUSR | S_IWUSR);  // what a guest has in memory is its user's business
  json request{{"do", "snapshot"}, {"base", json::array()}, {"own_disks", told.without_own_disks}};
  std::vector<int> files{output.fd()};
  for (const vmm::ChainFile& file : base) {
    request["base"].push_back(std::filesystem::canonical(file.path).string());
    files.push_back(file.fd.get());
  }
  const json answer = let_guest_write(guest, request, files, output.signals()).body;
  output.commit();
  return format == Format::json ? print_json(answer) : exit_ok;
}

int restore(Told& told) {
  try {
    vmm::SnapshotChain chain = vmm::open_snapshot_chain(told.file);
    if (told.verify) verify_snapshot(chain);
    vmm::require_sound_devices(chain.front().fd.get(), chain.front().snapshot);
    told.run.guest = config_of(chain.front().snapshot, told);
    choose_files(told.run.guest.machine.devices, told.files, told.run.count);
    choose_nets(told.run.guest.machine.devices.nets, told,
                told.run.count == 1 ? FormerTap::kept : FormerTap::pulled);
    told.run.from.description = std::move(chain.front().fd);
    for (vmm::ChainFile& file : std::span(chain).subspan(1))
      told.run.from.memory.push_back(std::move(file.fd));
  } catch (const std::exception& error) {
    throw UserError(fmt::format("cannot restore {}: {}", told.file, error.what()));
  }
  return run_guests(told.run);
}

int fork_guest(Told& told) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  GuestFork fork = fork_now(told.guest, told.files.disks.empty() ? OwnDisks::kept : OwnDisks::replaced);
  told.run.from = std::move(fork.from);
  told.run.guest = config_of(fork.snapshot, told);
  choose_files(told.run.guest.machine.devices, told.files, told.run.count);
  choose_nets(told.run.guest.machine.devices.nets, told, FormerTap::pulled);
  told.run.attachment = Attachment::detached;
  return run_detached(told.run, [&] {
    fork.about["took_us"] =
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
    return fork.about;
  });
}

int roll_back(const std::string& name, Format format) {
  const json answer = ask_guest(name, {{"do", "rollback"}}).body;
  return format == Format::json ? print_json(answer) : exit_ok;
}

void add_clones(const Command& command, Told& told) {
  command.text({"--name", "NAME", "Its name (default: the former one's, with the lowest free number)"},
               told.run.guest.name, check_guest_name);
  add_count(command, told.run.count, "Guests to start");
  add_confine(command, told.run.guest.confine);
  add_net(
      command, told.nets,
      "What its network device leads to, for each that it has (default: none; restore of one: as before)");
  add_files(command, told.files);
  command.flag("--paused", "They wait for 'samepage resume'", told.paused);
}

}  // namespace

void add_fork(const Command& program) {
  const auto told = std::make_shared<Told>();
  const Command of_snapshot =
      program.add("snapshot", "Write a running guest into a file, from which it can be restored");
  add_guest(of_snapshot, told->guest);
  of_snapshot.text({"FILE", "", "Where to; a file is replaced when all is written"}, told->file, check_file,
                   Needed::yes);
  of_snapshot.text({"--incremental", "BASE",
                    "Write only what changed since BASE, which the guest was restored from, or an "
                    "earlier snapshot of it"},
                   told->base, check_file);
  of_snapshot.flag("--without-rw-disks",
                   "Also of a guest with 'rw' disks: what is on them is not in it, and restore needs copies",
                   told->without_own_disks);
  add_json(of_snapshot, told->run.format, "Print JSON: how long the guest was held, and for how much");
  of_snapshot.runs([told] { return snapshot(*told, told->run.format); });

  const Command of_restore = program.add("restore", "Run guests that go on from a snapshot");
  of_restore.text({"FILE", "", "What 'samepage snapshot' has written"}, told->file, check_file, Needed::yes);
  add_clones(of_restore, *told);
  of_restore.flag("--verify", "Read all of the snapshot and check it before the guest runs", told->verify);
  of_restore.flag("--detach", "Return when the guest runs; print its name",
                  [told] { told->run.attachment = Attachment::detached; });
  of_restore.text({"--console", "FILE", "Where the console goes (default: stdout); FILE-1, ... with --count"},
                  told->run.console, check_file);
  add_json(of_restore, told->run.format, "With --detach: print JSON instead of text");
  of_restore.runs([told] { return restore(*told); },
                  [told] {
                    if (told->run.format != Format::json || told->run.attachment == Attachment::detached)
                      return;
                    throw OptionError("--json",
                                      "only 'restore --detach' prints something of its own; add "
                                      "--detach");
                  });

  const Command of_fork = program.add("fork", "Start guests that go on from where a running one is");
  add_guest(of_fork, told->guest);
  add_clones(of_fork, *told);
  add_json(of_fork, told->run.format);
  of_fork.runs([told] { return fork_guest(*told); });

  const Command of_rollback =
      program.add("rollback", "Put a guest that was forked or restored back to where it went on from");
  add_guest(of_rollback, told->guest);
  add_json(of_rollback, told->run.format, "Print JSON: how long it took, and for how many pages");
  of_rollback.runs([told] { return roll_back(told->guest, told->run.format); });
}

}  // namespace samepage::cli
