// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/paging/paging_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/check.hpp"
#include "base/json.hpp"
#include "base/log.hpp"

namespace samepage::dedup {

using nlohmann::json;

namespace {

// With figures of a file that nothing was done with.
json entry_of(const PagingSpec& spec, std::string_view state, const std::string& problem) {
  return {{"path", spec.path},     {"state", state},  {"size_bytes", 0},
          {"max_bytes", spec.max}, {"used_bytes", 0}, {"in_bytes", 0},
          {"written_bytes", 0},    {"errors", 0},     {"problem", problem}};
}

}  // namespace

std::optional<unsigned> PagingFiles::number_of(const std::string& path) const {
  for (unsigned file = 0; file < max_paging_files; ++file) {
    if (files_[file] && files_[file]->room.spec().path == path) return file;
  }
  return std::nullopt;
}

unsigned PagingFiles::add(PagingSpec spec) {
  if (number_of(spec.path)) {
    throw UserError(fmt::format("{} is a paging file already; name another one", spec.path));
  }
  const auto free = std::find(files_.begin(), files_.end(), nullptr);
  if (free == files_.end()) {
    throw UserError(fmt::format(
        "there are {} paging files already, as many as there may be; remove one first", max_paging_files));
  }
  *free = std::make_unique<File>(std::move(spec), rate_);
  return static_cast<unsigned>(free - files_.begin());
}

void PagingFiles::add_kept(const PagingSpec& spec) {
  if (number_of(spec.path)) return;
  try {
    add(spec);
  } catch (const std::exception& problem) {
    log(LogLevel::warning, "{} is not used for now: {}", spec.path, problem.what());
    unusable_.push_back({spec, problem.what()});
  }
}

bool PagingFiles::forget_unusable(const std::string& path) {
  return std::erase_if(unusable_, [&](const Unusable& file) { return file.spec.path == path; }) > 0;
}

unsigned PagingFiles::begin_removal(const std::string& path) {
  const auto file = number_of(path);
  if (!file)
    throw UserError(fmt::format("{} is not a paging file of this daemon; see 'samepage paging'", path));
  files_[*file]->leaving = true;
  return *file;
}

void PagingFiles::close(unsigned file) {
  files_[file].reset();
}

bool PagingFiles::takes_slots(unsigned file) const {
  const File* const there = at(file);
  return there != nullptr && !there->leaving && there->problem.empty();
}

std::vector<unsigned> PagingFiles::numbers() const {
  std::vector<unsigned> numbers;
  for (unsigned file = 0; file < max_paging_files; ++file) {
    if (files_[file]) numbers.push_back(file);
  }
  return numbers;
}

std::uint64_t PagingFiles::max_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& file : files_) {
    if (file && !file->leaving) bytes += file->room.spec().max;
  }
  return bytes;
}

json PagingFiles::to_json() const {
  json list = json::array();
  for (const auto& file : files_) {
    if (!file) continue;
    const std::string_view state = file->leaving ? "leaving" : !file->problem.empty() ? "failed" : "in use";
    json& entry = list.emplace_back(entry_of(file->room.spec(), state, file->problem));
    entry["size_bytes"] = file->room.size();
    entry["used_bytes"] = file->room.used();
    entry["in_bytes"] = file->came_in_bytes;
    entry["written_bytes"] = file->written_bytes;
    entry["errors"] = file->errors;
  }
  for (const Unusable& file : unusable_) list.push_back(entry_of(file.spec, "unusable", file.problem));
  return list;
}

}  // namespace samepage::dedup
