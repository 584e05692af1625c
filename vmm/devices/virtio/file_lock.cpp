// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/file_lock.hpp"

#include <fcntl.h>

#include <cerrno>

#include "base/check.hpp"

namespace samepage::vmm {

bool lock_file(int fd, FileUse use) {
  struct flock whole {};
  whole.l_type = static_cast<short>(use == FileUse::alone ? F_WRLCK : F_RDLCK);
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &whole) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  if (errno != ENOLCK && errno != EINVAL && errno != ENOSYS) throw_errno("locking a file");
  return true;
}

}  // namespace samepage::vmm
