// SPDX-License-Identifier: Apache-2.0
// A file with a guest's memory, opened and checked: raw memory, an ELF core, a snapshot of ours, or raw
// memory from a pipe. It is read with read(2) alone, in pieces: a file that becomes shorter is an error and
// no signal, and no more of it is in memory than a piece.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/unique_fd.hpp"
#include "manage/analyze/elf_core.hpp"
#include "manage/analyze/file_kind.hpp"
#include "manage/analyze/page_sink.hpp"
#include "vmm/snapshot/snapshot_chain.hpp"

namespace samepage::analyze {

class MemoryImage {
 public:
  /// `path` of "-" is standard input. Throws UserError for what can't be read as memory.
  explicit MemoryImage(std::string path);

  [[nodiscard]] const std::string& path() const { return path_; }
  /// "raw", "elf", "snapshot".
  [[nodiscard]] const char* format() const;
  [[nodiscard]] bool is_stream() const { return stream_; }
  [[nodiscard]] bool same_file(const MemoryImage& other) const {
    return info_.st_dev == other.info_.st_dev && info_.st_ino == other.info_.st_ino;
  }
  /// Bytes of whole pages, those in holes among them. Of a stream known when it has been read.
  [[nodiscard]] std::uint64_t memory_bytes() const;
  /// What the file takes on its disk at most is read. Of a stream unknown: 0.
  [[nodiscard]] std::uint64_t bytes_to_read() const;
  /// In the file, but in no whole page.
  [[nodiscard]] std::uint64_t left_out_bytes() const { return parts_.left_out_bytes; }
  /// Of the guest, but not in the file.
  [[nodiscard]] std::uint64_t missing_bytes() const { return parts_.missing_bytes; }
  /// Somebody wrote the file while it was read. Known afterwards.
  [[nodiscard]] bool changed() const { return changed_; }

  /// Called with the bytes since the last call, before a stream is waited for and every few MiB; may throw.
  using Pulse = std::function<void(std::uint64_t bytes)>;
  /// Hands all memory to `sink`. A stream is waited for until `stop` (a descriptor) is readable; then `pulse`
  /// has to throw. Throws UserError.
  void read(PageSink& sink, const Pulse& pulse, int stop);

 private:
  void find_parts();
  void find_snapshot();
  void read_part(const MemoryPart& part, std::span<std::byte> piece, PageSink& sink, const Pulse& pulse);
  void read_chain(std::span<std::byte> piece, PageSink& sink, const Pulse& pulse) const;
  void read_stream(std::span<std::byte> bytes, PageSink& sink, const Pulse& pulse, int stop);
  void look_for_changes();
  void read_at(std::uint64_t offset, std::span<std::byte> to) const;
  void require_a_page(std::uint64_t bytes) const;
  [[noreturn]] void refuse_type(const FileType& type) const;
  [[noreturn]] void refuse(const std::string& why) const;

  std::string path_;
  UniqueFd fd_;
  struct stat info_ {};
  std::uint64_t file_bytes_ = 0;
  bool stream_ = false;
  FileKind kind_ = FileKind::raw;
  bool changed_ = false;
  MemoryParts parts_;
  vmm::SnapshotChain chain_;  // of a snapshot whose memory is in several files: itself and the others
};

}  // namespace samepage::analyze
