// SPDX-License-Identifier: Apache-2.0
// A guest's console: what it prints goes to a file descriptor, and the end of it is kept for `samepage logs`
// and for those who are attached. Written by the guest's threads, read by the process's poll loop. Readers
// have a position each and no buffer of their own: one that is slow misses what was overwritten, and nobody
// waits for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/outlet.hpp"
#include "base/unique_fd.hpp"

namespace samepage::vmm {

/// Safe from any thread.
class ConsoleLog {
 public:
  /// What tail() has.
  static constexpr std::size_t kept = std::size_t{16} << 10;
  /// How far a reader may be behind while the log is watched.
  static constexpr std::size_t kept_for_watchers = std::size_t{256} << 10;

  /// `output` is where the console goes besides, -1 for nowhere; it stays the caller's.
  explicit ConsoleLog(int output);

  /// Keeps text; never waits for a reader.
  void keep(std::string_view text);
  /// Writes text to the output. Waits while that does not take it, until close_output(). What can't be
  /// written is lost; the next text is tried again. One thread at a time.
  void put_out(std::string_view text);
  /// From now on the output has closing_patience to take what is still printed; then nobody waits for it.
  void close_output();
  static constexpr std::chrono::milliseconds closing_patience{500};

  /// What put_out() could not write.
  struct Loss {
    std::uint64_t bytes = 0;
    int error = 0;  // the first errno; 0: nobody read it
  };
  [[nodiscard]] Loss loss() const;
  /// Readable once something is lost because of an error.
  [[nodiscard]] int failed_fd() const { return failed_.get(); }

  /// The last bytes that the guest printed.
  [[nodiscard]] std::string tail() const;

  /// A piece of what was printed, in bytes since the guest's start.
  struct Piece {
    std::uint64_t left_out = 0;  // bytes before it that the reader came too late for
    std::string text;            // empty: there is no more yet
    std::uint64_t next = 0;      // where to read on
  };
  /// What was printed at `from` and behind, at most so many bytes.
  [[nodiscard]] Piece read(std::uint64_t from, std::size_t most) const;
  /// Where tail() begins.
  [[nodiscard]] std::uint64_t tail_begin() const;

  enum class Watched : std::uint8_t { no, yes };
  /// Whether somebody reads as it comes: then more is kept, and news are told.
  void set_watched(Watched watched);
  /// Readable after wake(), and while the log is watched and something was printed since the last
  /// take_news().
  [[nodiscard]] int news_fd() const { return news_.get(); }
  void take_news();
  void wake();

 private:
  void keep_locked(std::string_view text);
  void wake_locked();
  [[nodiscard]] Piece read_locked(std::uint64_t from, std::size_t most) const;
  [[nodiscard]] bool wait_for_room() const;
  void lose(std::size_t bytes, int error);

  using Clock = std::chrono::steady_clock;

  const std::optional<Outlet> output_;
  UniqueFd closed_;  // an eventfd: readable once the output is closed
  UniqueFd failed_;  // an eventfd
  UniqueFd news_;    // an eventfd
  mutable std::mutex mutex_;
  std::vector<char> ring_;
  std::uint64_t total_ = 0;  // bytes ever printed; total_ % ring_.size() is where the next one goes
  std::uint64_t first_ = 0;  // the oldest byte in the ring
  bool watched_ = false;
  bool news_told_ = false;
  std::optional<Clock::time_point> closing_ends_;  // set once the output is closed
  Loss loss_;
};

}  // namespace samepage::vmm
