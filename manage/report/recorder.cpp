// SPDX-License-Identifier: Apache-2.0
#include "manage/report/recorder.hpp"

#include <utility>

#include "manage/report/map_reader.hpp"
#include "manage/report/record.hpp"

namespace samepage::report {
namespace {

using Clock = std::chrono::steady_clock;

// Reading page maps costs guests and us far more than their figures do.
constexpr std::chrono::seconds between_maps{30};
constexpr std::chrono::milliseconds map_patience{1'000};

}  // namespace

Recorder::Recorder(Sink sink, std::chrono::milliseconds interval)
    : sink_(std::move(sink)), next_sharing_(Clock::now() + between_maps) {
  sink_(first_line(seconds_of(std::chrono::system_clock::now()), interval));
}

void Recorder::record(guests::Snapshot snapshot) {
  last_ = std::move(snapshot);
  sink_(sample_line(last_));
  if (Clock::now() >= next_sharing_) record_sharing();
}

void Recorder::finish() {
  if (!last_.guests.empty()) record_sharing();
}

void Recorder::record_sharing() {
  const SharingMatrix matrix = read_sharing(last_, map_patience);
  if (!matrix.empty()) sink_(sharing_line(seconds_of(std::chrono::system_clock::now()), matrix));
  next_sharing_ = Clock::now() + between_maps;
}

}  // namespace samepage::report
