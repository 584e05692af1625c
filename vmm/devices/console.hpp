// SPDX-License-Identifier: Apache-2.0
// Collects what a guest prints and hands it on in lines, so that a string costs one write of the host.
// put() is for devices and never waits for whoever reads; flush calls are for a vCPU's thread outside the
// write barrier, because the reader may be slow. A witness sees each byte at once: a prompt ends no line.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace samepage::vmm {

struct ConsoleState {
  std::string waiting;  // text that was not handed on yet, such as a line that has no end

  bool operator==(const ConsoleState&) const = default;
};

class Console {
 public:
  using Sink = std::function<void(std::string_view)>;

  /// An empty sink drops everything.
  explicit Console(Sink sink) : sink_(std::move(sink)) {}

  /// `witness` is called by put(), on any thread, and must not block; set before the guest runs.
  void show_at_once(Sink witness) { witness_ = std::move(witness); }

  /// From now on a line that is not complete is ready as well: somebody may wait for a prompt. Before the
  /// guest runs.
  void hand_on_parts() { parts_ = true; }

  void put(char byte) { put(std::string_view(&byte, 1)); }
  void put(std::string_view text);
  /// Whether flush_lines() would hand on anything.
  [[nodiscard]] bool has_lines() const { return ready_.load(std::memory_order_relaxed); }
  /// Hands on what there is when a line is complete or long.
  void flush_lines();
  /// Hands on what there is.
  void flush();

  [[nodiscard]] ConsoleState save();
  /// Before the guest runs.
  void restore(const ConsoleState& state);

 private:
  static constexpr std::size_t long_line = 1024;

  void note_lines(std::string_view added);  // with buffering_ held

  Sink sink_;
  Sink witness_;
  bool parts_ = false;
  std::mutex writing_;  // held while the sink runs: keeps what it gets in order; taken before buffering_
  std::mutex buffering_;
  std::string buffer_;
  std::atomic<bool> ready_ = false;  // a line is complete or long
};

}  // namespace samepage::vmm
