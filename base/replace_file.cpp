// SPDX-License-Identifier: Apache-2.0
#include "base/replace_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/check.hpp"
#include "base/unique_fd.hpp"

namespace samepage {
namespace {

// Under another name until it is complete.
class Pending {
 public:
  explicit Pending(const std::filesystem::path& directory)
      : path_((directory / ".samepage-XXXXXX").string()) {
    fd_ = checked_fd(::mkostemp(path_.data(), O_CLOEXEC), "a new file in " + directory.string());
  }
  ~Pending() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      bytes.remove_prefix(static_cast<std::size_t>(check(written, "write")));
    }
  }
  void take_place_of(const std::string& path, mode_t mode) {
    check(::fchmod(fd_.get(), mode), "fchmod");
    check(::fsync(fd_.get()), "fsync");
    check(::rename(path_.c_str(), path.c_str()), "rename to " + path);
    path_.clear();
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace

void replace_file(const std::string& path, std::string_view bytes, mode_t mode) {
  std::filesystem::path directory = std::filesystem::path(path).parent_path();
  if (directory.empty()) directory = ".";
  Pending pending(directory);
  pending.write(bytes);
  pending.take_place_of(path, mode);
  const UniqueFd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) static_cast<void>(::fsync(folder.get()));  // there are file systems that can't
}

}  // namespace samepage
