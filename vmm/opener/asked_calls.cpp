// SPDX-License-Identifier: Apache-2.0
#include "vmm/opener/asked_calls.hpp"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

namespace samepage::vmm {
namespace {

using kernel::call;
using kernel::Fd;

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
  return call(SYS_process_vm_readv, process, &here, 1, &there, 1, 0) == static_cast<long>(bytes.size());
}

// `fd` is open to be looked at, no more.
bool is_what_it_has_to_be(const Fd& fd, Opening::Target target) {
  struct stat info {};
  if (call(SYS_fstat, fd.number(), &info) != 0) return false;
  if (target == Opening::Target::unnamed) return S_ISREG(info.st_mode) && info.st_nlink == 0;
  constexpr unsigned first_pseudo_terminal = 136, last_pseudo_terminal = 143, consoles = 4, serial = 5;
  const auto number = static_cast<unsigned>(info.st_rdev >> 8U & 0xfffU);
  const bool terminal = (number >= first_pseudo_terminal && number <= last_pseudo_terminal) ||
                        number == consoles || number == serial;
  return S_ISFIFO(info.st_mode) || (S_ISCHR(info.st_mode) && terminal);
}

Fd open_again(const Fd& fd, int flags) {
  const PathText path = PathText("/proc/self/fd/").add(static_cast<std::uint64_t>(fd.number()));
  return Fd(call(SYS_open, path.c_str(), flags | O_CLOEXEC, 0));
}

}  // namespace

bool AskedCalls::can_read(std::uint64_t address, std::string_view sample) const {
  std::array<char, 64> copy{};
  const std::span<char> part(copy.data(), std::min(sample.size(), copy.size()));
  return copy_from(policy_.guest, address, part) && std::equal(part.begin(), part.end(), sample.begin());
}

std::optional<PathText> AskedCalls::path_at(std::uint64_t address) const {
  std::array<char, PathText::room> bytes;  // not filled with zeros: what is not written is not looked at
  for (std::size_t have = 0; have < bytes.size();) {
    const std::size_t size = std::min(bytes.size() - have, page_bytes - (address + have) % page_bytes);
    const std::span<char> part(&bytes[have], size);
    if (!copy_from(policy_.guest, address + have, part)) return std::nullopt;
    const auto end = std::find(part.begin(), part.end(), '\0');
    if (end != part.end()) {
      return PathText({bytes.data(), have + static_cast<std::size_t>(end - part.begin())});
    }
    have += size;
  }
  return std::nullopt;
}

PathText AskedCalls::absolute(std::uint64_t directory, std::string_view path) const {
  if (path.starts_with('/') || static_cast<int>(directory) == AT_FDCWD) return path;
  std::array<char, PathText::room> folder;  // as above
  const PathText link = PathText("/proc/")
                            .add(static_cast<std::uint64_t>(policy_.guest))
                            .add("/fd/")
                            .add(static_cast<std::uint32_t>(directory));
  const long size = call(SYS_readlink, link.c_str(), folder.data(), folder.size());
  if (size <= 0) return path;
  return PathText({folder.data(), static_cast<std::size_t>(size)}).add("/").add(path);
}

AskedCalls::Answer AskedCalls::refuse(std::string_view what, std::string_view path) {
  refusals_.tell(what, path);
  return {-EACCES, Fd{}};
}

AskedCalls::Answer AskedCalls::opened(Fd fd) {
  if (!fd) return {fd.number(), Fd{}};
  return {0, std::move(fd)};
}

AskedCalls::Answer AskedCalls::open(std::uint64_t directory, std::string_view path, int flags) {
  const PathText whole = absolute(directory, path);
  const std::optional<Opening> opening = opening_for(policy_, whole.view(), flags);
  if (!opening || !whole.fits() || !opening->path.fits()) return refuse("open", path);
  if (opening->target != Opening::Target::anything) {
    // What it is now is what is opened: the link leads to the same file, whatever its number is given to.
    const Fd looked_at(call(SYS_open, opening->path.c_str(), O_PATH | O_CLOEXEC, 0));
    if (!looked_at) return {looked_at.number(), Fd{}};
    if (!is_what_it_has_to_be(looked_at, opening->target)) return refuse("open", path);
    return opened(open_again(looked_at, opening->flags));
  }
  return opened(Fd(call(SYS_open, opening->path.c_str(), opening->flags | O_CLOEXEC, opening->mode)));
}

AskedCalls::Answer AskedCalls::answer_to(const seccomp_data& asked) {
  const auto& arguments = asked.args;
  const bool at_directory = asked.nr == SYS_openat || asked.nr == SYS_unlinkat;
  const std::optional<PathText> path = path_at(arguments[at_directory ? 1 : 0]);
  if (!path) return {-EFAULT, Fd{}};
  switch (asked.nr) {
    case SYS_openat:
      return open(arguments[0], path->view(), static_cast<int>(arguments[2]));
    case SYS_open:
      return open(static_cast<std::uint64_t>(AT_FDCWD), path->view(), static_cast<int>(arguments[1]));
    case SYS_mkdir:
      if (!may_make_directory(policy_, path->view())) return refuse("make", path->view());
      return {call(SYS_mkdir, path->c_str(), 0700), Fd{}};
    case SYS_unlink:
      if (!may_remove(policy_, path->view())) return refuse("remove", path->view());
      return {call(SYS_unlink, path->c_str()), Fd{}};
    case SYS_unlinkat: {
      const PathText whole = absolute(arguments[0], path->view());
      if (arguments[2] != 0 || !whole.fits() || !may_remove(policy_, whole.view()))
        return refuse("remove", whole.view());
      return {call(SYS_unlink, whole.c_str()), Fd{}};
    }
    case SYS_rename: {
      const std::optional<PathText> to = path_at(arguments[1]);
      if (!to || !may_rename(policy_, path->view(), to->view())) return refuse("rename", path->view());
      return {call(SYS_rename, path->c_str(), to->c_str()), Fd{}};
    }
    default:
      return {-ENOSYS, Fd{}};
  }
}

void AskedCalls::answer_one(int listener) {
  WithRoom<seccomp_notif> asked;
  if (call(SYS_ioctl, listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) return;  // whoever asked is gone
  const Answer answer = answer_to(asked.known.data);
  WithRoom<seccomp_notif_resp> response;
  response.known.id = asked.known.id;
  response.known.error = static_cast<int>(answer.error);
  if (answer.fd) {
    seccomp_notif_addfd handed{};
    handed.id = asked.known.id;
    handed.srcfd = static_cast<std::uint32_t>(answer.fd.number());
    handed.newfd_flags = O_CLOEXEC;
    const long number = call(SYS_ioctl, listener, SECCOMP_IOCTL_NOTIF_ADDFD, &handed);
    if (number < 0) {
      response.known.error = static_cast<int>(number);
    } else {
      response.known.val = number;
    }
  }
  call(SYS_ioctl, listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

}  // namespace samepage::vmm
