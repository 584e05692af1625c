// SPDX-License-Identifier: Apache-2.0
// What the daemon keeps for the next one, a line each: beside the daemon's socket, or in the folder that a
// service manager keeps for the daemon (systemd's StateDirectory=), since the socket's may not be the
// daemon's to write to.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace samepage::dedup {

class KeptLines {
 public:
  explicit KeptLines(std::string path) : path_(std::move(path)) {}
  /// Where a daemon on that socket keeps what is called so: "knobs".
  [[nodiscard]] static std::string place(const std::string& socket_path, std::string_view what);

  struct Read {
    bool any = false;  // there is such a file, and it can be trusted
    std::vector<std::string> lines;
  };
  /// Lines that are not empty. A file that is neither ours nor root's is not read, which is said on stderr.
  [[nodiscard]] Read read() const;
  /// Without any there is no file. False when it can't be written; then the former ones are there.
  [[nodiscard]] bool keep(const std::vector<std::string>& lines) const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace samepage::dedup
