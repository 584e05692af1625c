// SPDX-License-Identifier: Apache-2.0
#include "bench/swap_space.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/swap.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <sstream>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/standard_output.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"

namespace samepage::bench {
namespace {

constexpr const char* zram_control = "/sys/class/zram-control";

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  if (!file) throw UserError(fmt::format("{} can't be written", path));
}

// In the keeper.
void turn_off(const std::string& path, const std::string& sysfs) {
  if (::swapoff(path.c_str()) != 0 && errno != EINVAL)
    complain(fmt::format("samepage-bench: swap stays on; turn it off with 'swapoff {}': {}", path,
                         std::strerror(errno)));
  if (sysfs.empty()) {
    ::unlink(path.c_str());
    return;
  }
  try {
    write_text(sysfs + "/reset", "1");
    write_text(fmt::format("{}/hot_remove", zram_control), path.substr(path.find_first_of("0123456789")));
  } catch (const std::exception& error) {
    complain(fmt::format("samepage-bench: {} stays: {}", path, error.what()));
  }
}

}  // namespace

std::string swap_header(std::uint32_t pages) {
  constexpr std::size_t boot_bits = 1024;  // a disk's first sectors, which nobody touches
  const std::uint32_t version = 1, last_page = pages - 1;
  constexpr std::string_view magic = "SWAPSPACE2";
  std::string header(page_size, '\0');
  std::memcpy(header.data() + boot_bits, &version, sizeof(version));
  std::memcpy(header.data() + boot_bits + sizeof(version), &last_page, sizeof(last_page));
  std::memcpy(header.data() + header.size() - magic.size(), magic.data(), magic.size());
  return header;
}

std::uint64_t used_swap(const std::string& swaps, const std::string& path) {
  std::istringstream lines(swaps);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name, kind;
    std::uint64_t size = 0, used = 0;
    if (words >> name >> kind >> size >> used && name == path) return used << 10U;
  }
  return 0;
}

std::string SwapSpace::obstacle() {
  return ::geteuid() == 0 ? "" : "only root turns swap on";
}

SwapSpace::SwapSpace(const std::string& folder, std::uint64_t bytes) : path_(folder + "/swap") {
  const UniqueFd file = checked_fd(::open(path_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600),
                                   fmt::format("open of {}", path_));
  keeper_.emplace([path = path_] { turn_off(path, {}); });
  if (const int error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes)); error != 0)
    throw UserError(fmt::format("no room for {} MiB of swap in {}: {}; name another folder with --disk",
                                bytes >> 20U, folder, std::strerror(error)));
  turn_on(bytes);
}

SwapSpace::SwapSpace(Zram, std::uint64_t bytes) {
  const std::string number = text_of(fmt::format("{}/hot_add", zram_control));
  if (number.empty()) throw UserError("this kernel has no zram (CONFIG_ZRAM)");
  const std::string name = "zram" + number.substr(0, number.find('\n'));
  path_ = "/dev/" + name;
  sysfs_ = "/sys/block/" + name;
  keeper_.emplace([path = path_, sysfs = sysfs_] { turn_off(path, sysfs); });
  write_text(sysfs_ + "/disksize", std::to_string(bytes));
  turn_on(bytes);
}

void SwapSpace::turn_on(std::uint64_t bytes) {
  const std::string header = swap_header(static_cast<std::uint32_t>(pages_in(bytes).value));
  {
    const UniqueFd file =
        checked_fd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC), fmt::format("open of {}", path_));
    write_at(file.get(), std::as_bytes(std::span(header)), 0, "write of a swap header");
    check(::fsync(file.get()), "fsync of swap space");
  }
  // Before any other that the host has.
  check(::swapon(path_.c_str(), SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK), "swapon");
}

std::uint64_t SwapSpace::used() const {
  return used_swap(text_of("/proc/swaps"), path_);
}

std::uint64_t SwapSpace::memory() const {
  if (sysfs_.empty()) return 0;
  std::istringstream figures(text_of(sysfs_ + "/mm_stat"));
  std::uint64_t original = 0, compressed = 0, total = 0;
  figures >> original >> compressed >> total;
  return total;
}

}  // namespace samepage::bench
