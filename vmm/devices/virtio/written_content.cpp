// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/written_content.hpp"

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <span>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/laid_over.hpp"
#include "base/open_again.hpp"
#include "base/unnamed_file.hpp"

namespace samepage::vmm {

std::vector<bool> files_to_join(const std::vector<std::uint64_t>& used) {
  std::vector<bool> join(used.size());
  std::vector<std::size_t> in_use;
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (used[i] != 0) in_use.push_back(i);
  }
  if (in_use.size() <= most_written_files) return join;
  std::stable_sort(in_use.begin(), in_use.end(),
                   [&](std::size_t a, std::size_t b) { return used[a] < used[b]; });
  in_use.resize(in_use.size() - most_written_files / 2 + 1);
  for (const std::size_t file : in_use) join[file] = true;
  return join;
}

void copy_bytes(int from, std::uint64_t from_offset, int to, std::uint64_t to_offset, std::uint64_t count) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(count, std::uint64_t{1} << 20U));
  while (count != 0) {
    const auto part = std::span(buffer).first(std::min<std::uint64_t>(count, buffer.size()));
    const ssize_t got = check(read_fully(from, from_offset, part), "read of what a guest has written");
    if (static_cast<std::size_t>(got) != part.size()) {
      errno = EIO;
      throw_errno("read of what a guest has written");
    }
    write_at(to, part, to_offset, "write of what a guest has written");
    from_offset += part.size();
    to_offset += part.size();
    count -= part.size();
  }
}

WrittenContent compact(WrittenContent content) {
  std::vector<std::uint64_t> used(content.files.size());
  for (const WrittenRun& run : content.runs) used[run.file] += run.count;
  const std::vector<bool> join = files_to_join(used);
  WrittenContent result;
  std::vector<std::uint32_t> numbers(used.size());
  for (std::size_t file = 0; file < used.size(); ++file) {
    if (used[file] == 0 || join[file]) continue;
    numbers[file] = static_cast<std::uint32_t>(result.files.size());
    result.files.push_back(content.files[file]);
  }
  const auto joined = static_cast<std::uint32_t>(result.files.size());
  UniqueFd file;
  std::uint64_t end = 0;
  for (WrittenRun& run : content.runs) {
    if (join[run.file]) {
      if (!file) file = unnamed_file("a disk's changes");
      copy_bytes(content.files[run.file]->get(), run.at, file.get(), end, run.count);
      run.file = joined;
      run.at = end;
      end += run.count;
    } else {
      run.file = numbers[run.file];
    }
  }
  if (file)
    result.files.push_back(
        std::make_shared<const UniqueFd>(open_to_read(file.get(), "open of what a guest has written")));
  result.runs = laid_over<WrittenRun>(content.runs, {});  // what has become neighbours is joined
  return result;
}

}  // namespace samepage::vmm
