// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/snapshot_chain.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/check.hpp"

namespace samepage::vmm {
namespace {

ChainFile open_one(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) throw_errno("open");
  struct stat info {};
  check(::fstat(fd.get(), &info), "fstat");
  if (!S_ISREG(info.st_mode)) throw UserError("it is not a regular file");
  Snapshot snapshot = read_snapshot(fd.get());
  if (snapshot.apart) throw UserError("it has no memory in it");
  return {path, std::move(fd), std::move(snapshot)};
}

// What keeps the file at `path` from being the one that is meant: empty if it is that, which is in `found`
// then.
std::string open_as(const std::string& path, const OtherFile& wanted, PageCount ram, SnapshotChain& found) {
  try {
    ChainFile file = open_one(path);
    if (file.snapshot.identity.id != wanted.identity.id) return "it is another snapshot by now";
    if (file.snapshot.identity != wanted.identity || file.snapshot.ram != ram) return "it was changed";
    found.push_back(std::move(file));
    return {};
  } catch (const std::system_error& error) {
    return fmt::format("it can't be opened: {}", error.code().message());
  } catch (const UserError& error) {
    return error.what();
  }
}

}  // namespace

SnapshotChain open_snapshot_chain(const std::string& path) {
  SnapshotChain chain;
  chain.push_back(open_one(path));
  const std::vector<OtherFile> others = chain.front().snapshot.others;
  const PageCount ram = chain.front().snapshot.ram;
  for (const OtherFile& other : others) {
    const std::string why = open_as(other.path, other, ram, chain);
    if (why.empty()) continue;
    const std::filesystem::path name = std::filesystem::path(other.path).filename();
    const std::string beside = (std::filesystem::path(path).parent_path() / name).string();
    if (open_as(beside, other, ram, chain).empty()) continue;
    throw UserError(fmt::format("its base {}: {}; put the one that it was taken with there, or beside it",
                                other.path, why));
  }
  return chain;
}

void check_memory(const SnapshotChain& chain, const std::function<void(std::uint64_t)>& pulse) {
  for (const ChainFile& file : chain) {
    const auto which = [&](const std::string& what) {
      return &file == &chain.front() ? what : fmt::format("its base {}: {}", file.path, what);
    };
    const std::vector<PageRange> pieces = checksum_pieces(file.snapshot.runs);
    std::vector<MemoryChecksum> checksums;
    try {
      checksums = checksums_of({file.fd.get(), snapshot_memory_offset}, pieces, file.snapshot.ram, pulse);
    } catch (const UserError& error) {
      throw UserError(which(error.what()));
    }
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (checksums[i] == file.snapshot.checksums[i]) continue;
      throw UserError(
          which(fmt::format("it is damaged: the checksum of pages {} to {} of its memory is wrong",
                            pieces[i].first.value, pieces[i].end().value - 1)));
    }
  }
}

}  // namespace samepage::vmm
