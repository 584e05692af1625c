// SPDX-License-Identifier: Apache-2.0
// The paging files of a daemon, up to 16, each with a thread that writes to it. A file keeps its number until
// it is gone. One that is to go gets no new slots; agents take back what they have there, and when nothing
// is left it is closed. The daemon's thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "dedup/daemon/paging/paging_file.hpp"
#include "dedup/daemon/paging/slot_writer.hpp"
#include "dedup/frame_numbers.hpp"

namespace samepage::dedup {

class PagingFiles {
 public:
  struct File {
    File(PagingSpec spec, std::shared_ptr<WriteRate> rate) : room(std::move(spec)), writer(std::move(rate)) {}

    PagingFile room;
    std::uint64_t written_bytes = 0;
    std::uint64_t came_in_bytes = 0;  // that guests have used since they went out
    std::uint64_t errors = 0;         // writes that failed
    std::string problem;              // the last of them: it gets no further slots
    bool leaving = false;
    SlotWriter writer;  // last: its thread ends first
  };

  /// What is written to all of them together, in bytes a second; 0: no bound. Holds for what comes next.
  void set_rate(std::uint64_t bytes_a_second) { rate_->set(bytes_a_second); }
  /// The number of the new file. Throws UserError: it can't be used, is there already, or is one too many.
  unsigned add(PagingSpec spec);
  /// A file that was kept from a former daemon: one that can't be used is listed with the reason, in the log
  /// too, and waits for somebody to add it again or to remove it. One that is there already is left as it is.
  void add_kept(const PagingSpec& spec);
  /// No file of that path waits any more. False when none did.
  bool forget_unusable(const std::string& path);
  /// The file at that path gets no new slots. Its number. Throws UserError when there is none.
  unsigned begin_removal(const std::string& path);
  /// Nobody has slots in it any more.
  void close(unsigned file);

  [[nodiscard]] File* at(unsigned file) const { return files_[file].get(); }
  [[nodiscard]] bool takes_slots(unsigned file) const;
  /// Numbers of files that are there.
  [[nodiscard]] std::vector<unsigned> numbers() const;
  /// Bytes that all of them may take at most.
  [[nodiscard]] std::uint64_t max_bytes() const;
  /// Frames of stores that have gone out to them, of all domains.
  void count_frames_out(std::uint64_t frames) { frames_out_ += frames; }
  [[nodiscard]] std::uint64_t frames_out() const { return frames_out_; }
  /// [{"path", "size_bytes", "max_bytes", "used_bytes", "in_bytes", "written_bytes", "errors", "state"}, ...]
  [[nodiscard]] nlohmann::json to_json() const;

 private:
  struct Unusable {
    PagingSpec spec;
    std::string problem;
  };

  [[nodiscard]] std::optional<unsigned> number_of(const std::string& path) const;

  std::shared_ptr<WriteRate> rate_ = std::make_shared<WriteRate>();
  std::array<std::unique_ptr<File>, max_paging_files> files_;
  std::vector<Unusable> unusable_;
  std::uint64_t frames_out_ = 0;
};

}  // namespace samepage::dedup
