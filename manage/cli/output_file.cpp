// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/check.hpp"
#include "base/types.hpp"
#include "base/unnamed_file.hpp"
#include "manage/cli/interrupted.hpp"

namespace samepage::cli {
namespace {

namespace fs = std::filesystem;

UserError cannot_write(const std::string& path, const std::string& why) {
  return UserError(fmt::format("cannot write {}: {}", path, why));
}

fs::path parent_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

// A directory like /tmp, where anybody may put a file or a link in our way.
bool anybody_may_write(const struct stat& directory) {
  return S_ISDIR(directory.st_mode) && (directory.st_mode & S_IWOTH) != 0;
}

// What the kernel's protected_symlinks and protected_regular refuse to open, for we replace by name.
bool laid_by_another(const struct stat& file, const fs::path& at) {
  struct stat directory {};
  return file.st_uid != ::geteuid() && ::stat(parent_of(at).c_str(), &directory) == 0 &&
         anybody_may_write(directory) && file.st_uid != directory.st_uid;
}

// The file that links lead to, whether it exists or not.
std::string behind_links(const std::string& path) {
  constexpr int most_links = 40;
  fs::path file = path;
  for (int links = 0; fs::is_symlink(fs::symlink_status(file)); ++links) {
    if (links == most_links) throw cannot_write(path, "there are too many links");
    // A descriptor of a process: its file would be replaced under whoever has it open.
    if (file.parent_path().string().starts_with("/proc/")) {
      throw cannot_write(
          path, "it is another name of an open file; give the file's own, or '-' for standard output");
    }
    struct stat link {};
    if (::lstat(file.c_str(), &link) == 0 && laid_by_another(link, file)) {
      throw cannot_write(path, "it is another user's link in a directory that all may write");
    }
    file = file.parent_path() / fs::read_symlink(file);
  }
  return file.string();
}

std::string why_not_into(mode_t mode) {
  if (S_ISDIR(mode)) return "it is a directory";
  if (S_ISBLK(mode)) return "it is a block device; write a file, and copy that";
  if (S_ISSOCK(mode)) return "it is a socket";
  return {};
}

mode_t without_umask(mode_t mode) {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mode & ~mask;
}

bool is_zero(std::span<const std::byte> page) {
  return std::all_of(page.begin(), page.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

OutputFile::OutputFile(std::string path, mode_t mode) : path_(std::move(path)), mode_(without_umask(mode)) {
  struct stat info {};
  const bool exists = path_ != "-" && ::stat(path_.c_str(), &info) == 0;
  if (path_ == "-") {
    target_ = checked_fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0), "fcntl of standard output");
    use_target();
  } else if (!exists) {
    if (errno != ENOENT) require(-1);
    open_beside(behind_links(path_));
  } else if (S_ISREG(info.st_mode)) {
    // What may not be written is not replaced either, though its directory would allow that.
    require(::faccessat(AT_FDCWD, path_.c_str(), W_OK, AT_EACCESS));
    if (laid_by_another(info, path_)) {
      throw cannot_write(path_, "it is another user's, in a directory that all may write; give another name");
    }
    open_beside(behind_links(path_));
    mode_ = info.st_mode & 0777;
    owner_ = {info.st_uid, info.st_gid};
  } else {
    if (const std::string why = why_not_into(info.st_mode); !why.empty()) throw cannot_write(path_, why);
    // O_NONBLOCK: a FIFO that nobody reads is an error, not something to wait for.
    target_ = UniqueFd(::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!target_ && errno == ENXIO) throw cannot_write(path_, "nobody reads from it");
    require(target_.get());
    use_target();
  }
}

OutputFile::~OutputFile() {
  if (!pending_.empty()) ::unlink(pending_.c_str());
}

void OutputFile::use_target() {
  if (::isatty(target_.get()) != 0) {
    throw cannot_write(path_,
                       "it is a terminal, and the content is not text; give a file, or a pipe behind it");
  }
  fd_ = unnamed_file("what is to be written");
}

void OutputFile::open_beside(const std::string& file) {
  file_ = file;
  pending_ = (fs::path(file).parent_path() / ".samepage-XXXXXX").string();
  fd_ = UniqueFd(::mkostemp(pending_.data(), O_CLOEXEC));
  if (fd_) return;
  pending_.clear();
  throw cannot_write(path_, fmt::format("no new file can be made beside it: {}", std::strerror(errno)));
}

void OutputFile::write(std::span<const std::byte> content) {
  require(::ftruncate(fd_.get(), static_cast<off_t>(content.size())));
  for (std::size_t at = 0; at < content.size(); at += page_size) {
    throw_if_interrupted();
    const auto page = content.subspan(at, std::min(page_size, content.size() - at));
    if (is_zero(page)) continue;
    const ssize_t written = ::pwrite(fd_.get(), page.data(), page.size(), static_cast<off_t>(at));
    if (written >= 0 && static_cast<std::size_t>(written) < page.size()) errno = ENOSPC;
    require(static_cast<std::size_t>(written) == page.size() ? 0 : -1);
  }
}

void OutputFile::commit() {
  throw_if_interrupted();
  target_ ? copy_to_target() : take_place();
}

// A host that fails at any moment leaves the old content or the new.
void OutputFile::take_place() {
  // It stays its owner's, where we may give files away; only now, for nobody else may read it half made.
  if (owner_ && ::fchown(fd_.get(), owner_->user, owner_->group) != 0 &&
      ::fchown(fd_.get(), static_cast<uid_t>(-1), owner_->group) != 0) {
    mode_ &= ~mode_t{070};  // what its group was allowed, ours is not
  }
  require(::fchmod(fd_.get(), mode_));
  require(::fsync(fd_.get()));
  require(::rename(pending_.c_str(), file_.c_str()));
  pending_.clear();
  const fs::path directory = fs::path(file_).parent_path();
  const UniqueFd folder(
      ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) static_cast<void>(::fsync(folder.get()));  // there are file systems that can't
}

// A pipe that polls as writable takes PIPE_BUF bytes without blocking.
void OutputFile::copy_to_target() const {
  std::array<char, PIPE_BUF> bytes{};
  for (off_t done = 0;;) {
    const ssize_t got = ::pread(fd_.get(), bytes.data(), bytes.size(), done);
    require(got);
    if (got == 0) return;
    for (std::string_view rest(bytes.data(), static_cast<std::size_t>(got)); !rest.empty();) {
      std::array<pollfd, 2> waits{pollfd{target_.get(), POLLOUT, 0}, pollfd{signals_.fd(), POLLIN, 0}};
      if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) throw_errno("poll");
      throw_if_interrupted();
      const ssize_t written = ::write(target_.get(), rest.data(), rest.size());
      if (written < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      require(written);
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    done += got;
  }
}

void OutputFile::throw_if_interrupted() const {
  if (const int signal = signals_.take(); signal != 0) throw Interrupted{signal};
}

void OutputFile::require(ssize_t result) const {
  if (result < 0) throw cannot_write(path_, std::strerror(errno));
}

}  // namespace samepage::cli
