// SPDX-License-Identifier: Apache-2.0
//        before                     in the new mount namespace              after
//        / ── run/samepage          run/samepage ◄─ tmpfs (the new root)    / ── run/samepage
//          ── home, proc, ...         └─ run/samepage: the directory            (read-only)
//
// The new root is mounted over the directory, as it is the one place that is known to be there. Then the old
// root goes, with all that is below it.
#include "base/jail.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/check.hpp"
#include "base/unique_fd.hpp"

namespace samepage {
namespace {

constexpr int own_views = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
constexpr unsigned long restricted = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

void write_to(const char* path, std::string_view text) {
  const UniqueFd file = checked_fd(::open(path, O_WRONLY | O_CLOEXEC), path);
  check(::write(file.get(), text.data(), text.size()), path);
}

// Nobody but the user themself is there, under their own number: whoever looks at a socket or a file sees the
// same user as before.
void keep_own_number(uid_t user, gid_t group) {
  write_to("/proc/self/setgroups", "deny");
  write_to("/proc/self/uid_map", fmt::format("{0} {0} 1", user));
  write_to("/proc/self/gid_map", fmt::format("{0} {0} 1", group));
}

// Root may have the other namespaces where nobody may have one of users.
void leave_namespaces() {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (::unshare(CLONE_NEWUSER | own_views) == 0) return keep_own_number(user, group);
  if (user == 0 && ::unshare(own_views) == 0) return;
  throw_errno("unshare");
}

void take_root_away(const std::string& directory) {
  check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "making mounts private");
  const UniqueFd kept = checked_fd(
      static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, directory.c_str(),
                                 static_cast<unsigned>(OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE))),
      "open_tree");
  check(::mount("samepage", directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                "mode=0555,size=64k,nr_inodes=32"),
        "mounting an empty root");
  check(::chdir(directory.c_str()), "chdir");
  const std::string inside = std::filesystem::path(directory).relative_path();
  std::filesystem::create_directories(inside);
  check(static_cast<int>(
            ::syscall(SYS_move_mount, kept.get(), "", AT_FDCWD, inside.c_str(), MOVE_MOUNT_F_EMPTY_PATH)),
        "move_mount");
  check(::mount(nullptr, inside.c_str(), nullptr, MS_REMOUNT | MS_BIND | restricted, nullptr),
        "mounting the runtime directory to read only");
  // Both at one place (pivot_root(2)): the old root then lies over the new one, and is taken off.
  check(static_cast<int>(::syscall(SYS_pivot_root, ".", ".")), "pivot_root");
  check(::umount2(".", MNT_DETACH), "taking the host's root away");
  check(::chdir("/"), "chdir");
  check(::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | restricted, nullptr),
        "mounting the root to read only");
}

}  // namespace

void enter_jail(const std::string& directory) {
  try {
    leave_namespaces();
    take_root_away(directory);
  } catch (const std::system_error& error) {
    throw UserError(fmt::format(
        "a guest's process can't be jailed here: {}; let users have namespaces "
        "(sysctl user.max_user_namespaces=10000; where there are such settings, "
        "kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0), or "
        "leave --jail out",
        error.what()));
  }
}

}  // namespace samepage
