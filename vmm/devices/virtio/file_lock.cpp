// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/file_lock.hpp"

#include <fcntl.h>

#include <cerrno>

#include "base/check.hpp"

namespace samepage::vmm {
namespace {

// A lock knows readers and one writer, and here are more kinds of users. So each kind read-locks a byte of
// its own, and who writes alone locks the whole file, those bytes among it.
bool ask(int fd, int command, int type, FileUse whose) {
  struct flock lock {};
  lock.l_type = static_cast<short>(type);
  lock.l_whence = SEEK_SET;
  if (whose != FileUse::alone) {
    lock.l_start = static_cast<off_t>(whose);
    lock.l_len = 1;  // 0 is all there is
  }
  if (::fcntl(fd, command, &lock) == 0) return command == F_OFD_SETLK || lock.l_type == F_UNLCK;
  if (errno == EAGAIN || errno == EACCES) return false;
  if (errno != ENOLCK && errno != EINVAL && errno != ENOSYS) throw_errno("locking a file");
  return true;
}

bool nobody_is(int fd, FileUse whose) {
  return ask(fd, F_OFD_GETLK, F_WRLCK, whose);
}

}  // namespace

bool lock_file(int fd, FileUse use) {
  if (!ask(fd, F_OFD_SETLK, use == FileUse::alone ? F_WRLCK : F_RDLCK, use)) return false;
  // Each has its own lock before it looks for others: of two at the same time no more than one goes on.
  if (use == FileUse::unchanging) return nobody_is(fd, FileUse::together);
  return use != FileUse::together || nobody_is(fd, FileUse::unchanging);
}

}  // namespace samepage::vmm
