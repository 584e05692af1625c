// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/policy/policy_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/unique_fd.hpp"
#include "dedup/daemon/policy/policy_text.hpp"

namespace samepage::dedup {
namespace {

constexpr std::size_t longest_policy = std::size_t{1} << 20U;  // a line for each of 10,000 users
constexpr std::size_t most_told = 8;                           // problems

[[noreturn]] void cannot_use(const std::string& path, std::string_view why) {
  throw UserError(fmt::format("the policy {} can't be used: {}", path, why));
}

bool is_ours(const struct stat& info) {
  return info.st_uid == ::geteuid() || info.st_uid == 0;
}

void require_ours(const struct stat& info, const std::string& path) {
  if (!S_ISREG(info.st_mode)) cannot_use(path, "it is not a regular file; name one");
  if (!is_ours(info)) {
    cannot_use(path,
               fmt::format("it belongs to user {}, who could let anybody in; 'chown root' it", info.st_uid));
  }
  if ((info.st_mode & 0022) != 0) {
    cannot_use(path, "others can write it, and could let anybody in; 'chmod go-w' it");
  }
}

// Who may write to its directory could put another one in its place.
void require_safe_directory(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  struct stat info {};
  check(::stat(directory.c_str(), &info), "stat of the policy's directory");
  const bool others_write = (info.st_mode & 0022) != 0 && (info.st_mode & S_ISVTX) == 0;
  if (is_ours(info) && !others_write) return;
  cannot_use(path, fmt::format("others can write to {} and put another file in its place; keep it where only "
                               "root can, such as /etc/samepage",
                               directory));
}

std::string text_in(const UniqueFd& file, const std::string& path) {
  std::string text(longest_policy + 1, '\0');
  const ssize_t size = read_fully(file.get(), 0, std::as_writable_bytes(std::span(text)));
  if (size < 0) cannot_use(path, std::system_category().message(errno));
  if (static_cast<std::size_t>(size) > longest_policy)
    cannot_use(path, "it has more than 1 MiB; make it shorter");
  text.resize(static_cast<std::size_t>(size));
  return text;
}

// Not by getpwnam(): that may ask other hosts, and load libraries, when a daemon that serves guests and is
// confined has neither time nor leave to.
std::optional<uid_t> number_of_user(const std::string& name) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> users(std::fopen("/etc/passwd", "re"), &std::fclose);
  if (!users) return std::nullopt;
  while (const passwd* const user = ::fgetpwent(users.get())) {
    if (name == user->pw_name) return user->pw_uid;
  }
  return std::nullopt;
}

std::string text_of(const std::vector<PolicyProblem>& problems) {
  std::string text;
  for (const PolicyProblem& problem : std::span(problems).first(std::min(most_told, problems.size()))) {
    if (problem.line != 0) text += fmt::format("\n  line {}: ", problem.line);
    text += problem.text;
  }
  if (problems.size() > most_told) text += fmt::format("\n  and {} lines more", problems.size() - most_told);
  return text;
}

}  // namespace

Policy read_policy(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) {
    cannot_use(path, errno == ELOOP ? "it is a symbolic link; name the file that it points to"
                                    : fmt::format("user {} can't open it: {}", ::geteuid(),
                                                  std::system_category().message(errno)));
  }
  struct stat info {};
  check(::fstat(file.get(), &info), "fstat of the policy");
  require_ours(info, path);
  require_safe_directory(path);
  ParsedPolicy parsed = parse_policy(text_in(file, path), path, number_of_user);
  if (!parsed.problems.empty()) cannot_use(path, text_of(parsed.problems));
  return std::move(parsed.policy);
}

}  // namespace samepage::dedup
