// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/demo_count.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <array>

#include "base/json.hpp"
#include "base/mapping.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "manage/cli/guest_client.hpp"
#include "manage/guests/snapshot.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

// A copy of a guest's RAM: each page at its address.
Mapping copy_of(const std::string& guest) {
  const UniqueFd file = checked_fd(::memfd_create("samepage-demo", MFD_CLOEXEC), "memfd_create");
  ask_guest(connect_guest(guest), {{"do", "dump"}}, std::array{file.get()});
  struct stat info {};
  check(::fstat(file.get(), &info), "fstat");
  return Mapping::read_only(file.get(), static_cast<std::size_t>(info.st_size));
}

void append_touched(std::vector<const std::byte*>& pages, const std::string& guest, const Mapping& copy) {
  const json runs = json::parse(ask_guest(guest, {{"do", "map"}}).data, nullptr, false);
  for (const json& run : runs) {
    const std::string state = run.value("state", "");
    if (state == "untouched" || state == "rom") continue;
    const std::uint64_t first = number(run, "gfn");
    for (std::uint64_t page = first; page < first + number(run, "pages"); ++page) {
      pages.push_back(copy.data() + Gfn{page}.gpa().value);
    }
  }
}

}  // namespace

DuplicateCount count_in_guests(const std::vector<std::string>& guests) {
  std::vector<Mapping> copies;
  std::vector<const std::byte*> pages;
  for (const std::string& guest : guests) {
    copies.push_back(copy_of(guest));
    append_touched(pages, guest, copies.back());
  }
  return count_duplicates(std::move(pages));
}

}  // namespace samepage::cli
