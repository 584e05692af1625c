// SPDX-License-Identifier: Apache-2.0
// `samepage check`: whether a snapshot is what it was when it was written, with its memory.
#include "manage/cli/snapshot_check.hpp"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>

#include "base/check.hpp"
#include "base/json.hpp"
#include "base/units.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/interrupted.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/progress.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

struct CheckOptions {
  std::string file;
  Format format = Format::text;
};

std::uint64_t memory_of(const vmm::ChainFile& file) {
  std::uint64_t bytes = 0;
  for (const PageRange& piece : vmm::checksum_pieces(file.snapshot.runs)) {
    bytes += PageCount{piece.count}.bytes();
  }
  return bytes;
}

std::uint64_t memory_of(const vmm::SnapshotChain& chain) {
  std::uint64_t bytes = 0;
  for (const vmm::ChainFile& file : chain) bytes += memory_of(file);
  return bytes;
}

int check_snapshot(const CheckOptions& options) {
  vmm::SnapshotChain chain;
  try {
    chain = vmm::open_snapshot_chain(options.file);
    verify_snapshot(chain);
  } catch (const std::exception& error) {
    throw UserError(fmt::format("{} can't be restored: {}", options.file, error.what()));
  }
  if (options.format == Format::json) {
    json files = json::array();
    for (const vmm::ChainFile& file : chain) {
      files.push_back({{"path", file.path}, {"memory_bytes", memory_of(file)}});
    }
    return print_json({{"ram_bytes", chain.front().snapshot.ram.bytes()}, {"files", std::move(files)}});
  }
  std::string text =
      fmt::format("{}: of a guest with {}; {} of memory checked\n", options.file,
                  format_size(chain.front().snapshot.ram.bytes()), format_size(memory_of(chain)));
  for (const vmm::ChainFile& file : chain) {
    text += fmt::format("  {:>8}  {}\n", format_size(memory_of(file)), file.path);
  }
  const vmm::StopSignals signals;
  return print_text(text, signals);
}

}  // namespace

void verify_snapshot(const vmm::SnapshotChain& chain) {
  using Clock = std::chrono::steady_clock;
  const vmm::StopSignals signals;
  const std::uint64_t all = memory_of(chain);
  std::uint64_t done = 0;
  Progress progress;
  Clock::time_point next = Clock::now() + std::chrono::seconds(1);  // short work needs no words
  vmm::check_memory(chain, [&](std::uint64_t bytes) {
    done += bytes;
    if (const int signal = signals.take(); signal != 0) throw Interrupted{signal};
    if (const auto now = Clock::now(); now >= next) {
      next = now + std::chrono::milliseconds(200);
      progress.show(fmt::format("checked {} of {}", format_size(done), format_size(all)), {done, all});
    }
  });
}

void add_check(const Command& program) {
  const Command command = program.add("check", "Read all of a snapshot and compare it with its checksums");
  const auto options = std::make_shared<CheckOptions>();
  command.text(
      {"FILE", "", "What 'samepage snapshot' has written; the files that it is based on are read too"},
      options->file, check_file, Needed::yes);
  add_json(command, options->format);
  command.runs([options] { return check_snapshot(*options); });
}

}  // namespace samepage::cli
