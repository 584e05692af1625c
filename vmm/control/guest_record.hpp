// SPDX-License-Identifier: Apache-2.0
// What is known of a detached guest when nobody can ask it any more: how it ended and what it printed last. A
// file ended/NAME a guest in the runtime directory: a line of JSON, then the bytes of the console. Written
// when the guest starts, so that one whose process is killed is known too, and again when it ends; a guest
// that takes the name removes or replaces it. The last ones are kept, the oldest go.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace samepage::vmm {

struct GuestRecord {
  std::string name;
  std::string domain;
  std::string image;
  pid_t pid = 0;
  unsigned cpus = 1;
  std::uint64_t ram_bytes = 0;
  std::int64_t started_at = 0;  // seconds since 1970

  struct End {
    std::int64_t at = 0;  // seconds since 1970; 0: nobody saw it
    int exit_code = 0;    // of its process
    std::string how;      // "exited", "stopped", "failed" or "killed"
    std::string reason;   // a sentence; empty: there is no more to say
  };
  std::optional<End> end;  // none yet, or its process was killed
  std::string output;      // the end of its console

  /// How a guest ended of which nobody lives: a record without an end tells of a process that was killed.
  [[nodiscard]] End how_it_ended() const;
};

/// All but find() and all() throw std::system_error.
class GuestRecords {
 public:
  static constexpr std::size_t most = 64;

  /// In this runtime directory.
  explicit GuestRecords(const std::string& runtime_directory);
  static GuestRecords of_this_user();

  /// Replaces what is known of the guest, and removes the oldest records of others that have ended.
  void put(const GuestRecord& record) const;
  void forget(const std::string& name) const;
  /// What is known of `name`; none when there is nothing, or nothing that can be read.
  [[nodiscard]] std::optional<GuestRecord> find(const std::string& name) const;
  /// All of them, those that ended last at the end.
  [[nodiscard]] std::vector<GuestRecord> all() const;

 private:
  [[nodiscard]] std::string file_of(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> names_by_age() const;
  void remove_oldest() const;

  std::string directory_;
  std::string sockets_;  // of guests that live
};

/// Seconds since 1970.
std::int64_t now_in_seconds();

}  // namespace samepage::vmm
