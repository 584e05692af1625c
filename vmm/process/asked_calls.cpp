// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/asked_calls.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/log.hpp"
#include "base/open_again.hpp"

namespace samepage::vmm {
namespace {

constexpr std::uint64_t page_bytes = 4096;

// Kernels may have longer structures than the headers that this was compiled with.
template <typename Known>
struct WithRoom {
  Known known{};
  std::array<std::byte, 512> room{};
};

bool copy_from(pid_t process, std::uint64_t address, std::span<char> bytes) {
  iovec here{bytes.data(), bytes.size()};
  // SAFETY: an address of the other process, given to the kernel.
  iovec there{reinterpret_cast<void*>(address), bytes.size()};
  return ::process_vm_readv(process, &here, 1, &there, 1, 0) == static_cast<ssize_t>(bytes.size());
}

// `fd` is open to be looked at, no more.
bool is_what_it_has_to_be(int fd, Opening::Target target) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return false;
  if (target == Opening::Target::unnamed) return S_ISREG(info.st_mode) && info.st_nlink == 0;
  constexpr unsigned first_pseudo_terminal = 136, last_pseudo_terminal = 143, consoles = 4, serial = 5;
  const unsigned number = major(info.st_rdev);
  const bool terminal = (number >= first_pseudo_terminal && number <= last_pseudo_terminal) ||
                        number == consoles || number == serial;
  return S_ISFIFO(info.st_mode) || (S_ISCHR(info.st_mode) && terminal);
}

int result(int returned) {
  return returned < 0 ? errno : 0;
}

}  // namespace

bool AskedCalls::can_read(std::span<const char> sample) const {
  std::vector<char> copy(sample.size());
  // SAFETY: an address, not looked at here.
  return copy_from(policy_.guest, reinterpret_cast<std::uint64_t>(sample.data()), copy) &&
         std::equal(copy.begin(), copy.end(), sample.begin());
}

std::optional<std::string> AskedCalls::path_at(std::uint64_t address) const {
  std::string path;
  while (path.size() < PATH_MAX) {
    std::array<char, page_bytes> piece{};
    const std::span part = std::span(piece).first(page_bytes - address % page_bytes);
    if (!copy_from(policy_.guest, address, part)) return std::nullopt;
    const auto end = std::find(part.begin(), part.end(), '\0');
    path.append(part.begin(), end);
    if (end != part.end()) return path;
    address += part.size();
  }
  return std::nullopt;
}

std::string AskedCalls::absolute(std::uint64_t directory, const std::string& path) const {
  if (path.starts_with('/') || static_cast<int>(directory) == AT_FDCWD) return path;
  std::error_code error;
  const auto folder = std::filesystem::read_symlink(
      fmt::format("/proc/{}/fd/{}", policy_.guest, static_cast<int>(directory)), error);
  return error ? path : (folder / path).string();
}

AskedCalls::Answer AskedCalls::refuse(const char* what, const std::string& path) const {
  log(LogLevel::warning, "its process may not {} {}, and was refused", what, path);
  return {EACCES, {}};
}

AskedCalls::Answer AskedCalls::opened(UniqueFd fd) {
  if (!fd) return {errno, {}};
  return {0, std::move(fd)};
}

AskedCalls::Answer AskedCalls::open(std::uint64_t directory, const std::string& path, int flags) const {
  const std::optional<Opening> opening = opening_for(policy_, absolute(directory, path), flags);
  if (!opening) return refuse("open", path);
  if (opening->target != Opening::Target::anything) {
    // What it is now is what is opened: the link leads to the same file, whatever its number is given to.
    const UniqueFd looked_at(::open(opening->path.c_str(), O_PATH | O_CLOEXEC));
    if (!looked_at) return {errno, {}};
    if (!is_what_it_has_to_be(looked_at.get(), opening->target)) return refuse("open", path);
    return opened(open_again(looked_at.get(), opening->flags));
  }
  return opened(UniqueFd(::open(opening->path.c_str(), opening->flags | O_CLOEXEC, opening->mode)));
}

AskedCalls::Answer AskedCalls::answer_to(const seccomp_data& call) const {
  const auto& arguments = call.args;
  const auto path = [&](unsigned argument) { return path_at(arguments[argument]); };
  switch (call.nr) {
    case SYS_openat:
      if (const auto name = path(1)) return open(arguments[0], *name, static_cast<int>(arguments[2]));
      break;
    case SYS_open:
      if (const auto name = path(0))
        return open(static_cast<std::uint64_t>(AT_FDCWD), *name, static_cast<int>(arguments[1]));
      break;
    case SYS_mkdir:
      if (const auto name = path(0)) {
        if (!may_make_directory(policy_, *name)) return refuse("make", *name);
        return {result(::mkdir(name->c_str(), 0700)), {}};
      }
      break;
    case SYS_unlink:
      if (const auto name = path(0)) {
        if (!may_remove(policy_, *name)) return refuse("remove", *name);
        return {result(::unlink(name->c_str())), {}};
      }
      break;
    case SYS_unlinkat:
      if (const auto name = path(1)) {
        const std::string whole = absolute(arguments[0], *name);
        if (arguments[2] != 0 || !may_remove(policy_, whole)) return refuse("remove", whole);
        return {result(::unlink(whole.c_str())), {}};
      }
      break;
    case SYS_rename:
      if (const auto from = path(0)) {
        const auto to = path(1);
        if (!to || !may_rename(policy_, *from, *to)) return refuse("rename", *from);
        return {result(::rename(from->c_str(), to->c_str())), {}};
      }
      break;
    default:
      return {ENOSYS, {}};
  }
  return {EFAULT, {}};
}

void AskedCalls::answer_one(int listener) {
  WithRoom<seccomp_notif> asked;
  if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) return;  // whoever asked is gone
  Answer answer = answer_to(asked.known.data);
  WithRoom<seccomp_notif_resp> response;
  response.known.id = asked.known.id;
  response.known.error = -answer.error;
  if (answer.fd) {
    seccomp_notif_addfd handed{};
    handed.id = asked.known.id;
    handed.srcfd = static_cast<std::uint32_t>(answer.fd.get());
    handed.newfd_flags = O_CLOEXEC;
    const int number = ::ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &handed);
    if (number < 0) {
      response.known.error = -errno;
    } else {
      response.known.val = number;
    }
  }
  static_cast<void>(::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response));
}

}  // namespace samepage::vmm
