// SPDX-License-Identifier: Apache-2.0
// A file that a command writes. What is at the path is replaced when the new content is complete and on the
// medium, and stays as it was when something fails or a stop signal comes. What is not a regular file (a
// device, a FIFO, a pipe on standard output) is not replaced but written into, by a copy at the end.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "base/unique_fd.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {

/// All throw UserError where the host can't.
class OutputFile {
 public:
  /// `path` of "-" is standard output. A new file gets `mode`, less the umask; one that is replaced keeps its
  /// own.
  explicit OutputFile(std::string path, mode_t mode = 0666);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// A regular file, empty at first: what commit() finds in it becomes the output. Whoever has the descriptor
  /// may write it.
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Pages of zeros become holes. Throws Interrupted.
  void write(std::span<const std::byte> content);
  /// Takes the place of what was at the path, or copies it there. Throws Interrupted.
  void commit();

  /// A signal to stop, for those who wait for somebody that writes.
  [[nodiscard]] const vmm::StopSignals& signals() const { return signals_; }
  /// The output is a file with a name of its own, which commit() has made.
  [[nodiscard]] bool is_file() const { return !target_; }

 private:
  void use_target();
  void open_beside(const std::string& file);
  void take_place();
  void copy_to_target() const;
  void throw_if_interrupted() const;
  void require(ssize_t result) const;

  vmm::StopSignals signals_;  // before there is a file that they could leave behind
  std::string path_;          // as the user wrote it
  struct Owner {
    uid_t user;
    gid_t group;
  };
  mode_t mode_;
  std::optional<Owner> owner_;  // of the file that is replaced
  std::string file_;            // what `path_` leads to
  std::string pending_;         // the new file's name until it is complete
  UniqueFd target_;             // what is written into instead
  UniqueFd fd_;
};

}  // namespace samepage::cli
