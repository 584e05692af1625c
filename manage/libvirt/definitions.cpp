// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/definitions.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "base/check.hpp"
#include "base/replace_file.hpp"
#include "manage/libvirt/domain_xml.hpp"
#include "manage/libvirt/error.hpp"
#include "vmm/control/guest_name.hpp"

namespace samepage::libvirt {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".xml";
constexpr std::uintmax_t longest_file = std::uintmax_t{4} << 20U;

Error cannot_keep(const std::string& what, const std::string& why) {
  return operation_failed(fmt::format("cannot keep the definition in {}: {}", what, why));
}

std::string content_of(const std::string& path) {
  if (fs::file_size(path) > longest_file) throw UserError("it is too long");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw_errno("open");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

UniqueFd lock_definitions(const std::string& directory) {
  fs::create_directories(directory);
  UniqueFd fd =
      checked_fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open " + directory);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  throw UserError(fmt::format(
      "another 'samepage libvirtd' keeps its definitions in {}: use that one, or set XDG_CONFIG_HOME",
      directory));
}

Definitions::Definitions(std::string directory) : directory_(std::move(directory)) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory_, error)) {
    std::string name = entry.path().filename().string();
    if (!name.ends_with(suffix) || entry.is_directory()) continue;
    name.resize(name.size() - suffix.size());
    if (vmm::is_guest_name(name)) names.push_back(std::move(name));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw std::system_error(error, "cannot read " + directory_);
  }
  std::sort(names.begin(), names.end());  // which of two with one UUID is taken, must not be chance
  for (const std::string& name : names) read_file(name);
}

void Definitions::read_file(const std::string& name) {
  try {
    DomainDefinition definition = read_domain(content_of(file_of(name)));
    if (definition.name != name) throw UserError(fmt::format("its domain is called '{}'", definition.name));
    // Somebody may have written it by hand. It stays the same as long as the name does.
    if (!definition.uuid) definition.uuid = uuid_of_text(file_of(name));
    for (const auto& [other, known] : definitions_) {
      if (known.uuid == definition.uuid) throw UserError(fmt::format("domain '{}' has its UUID", other));
    }
    definitions_[name] = std::move(definition);
  } catch (const std::exception& error) {
    complaints_.push_back(fmt::format("{} is left out: {}", file_of(name), error.what()));
  }
}

std::string Definitions::file_of(const std::string& name) const {
  return fmt::format("{}/{}{}", directory_, name, suffix);
}

std::string Definitions::link_of(const std::string& name) const {
  return fmt::format("{}/autostart/{}{}", directory_, name, suffix);
}

const DomainDefinition* Definitions::find(const std::string& name) const {
  const auto found = definitions_.find(name);
  return found == definitions_.end() ? nullptr : &found->second;
}

void Definitions::put(const DomainDefinition& definition) {
  const std::string file = file_of(definition.name);
  std::error_code error;
  if (!definitions_.contains(definition.name) && fs::exists(file, error)) {
    throw cannot_keep(file, "there is one that can't be read; mend it or move it away");
  }
  const std::string text = kept_domain_xml(definition);
  try {
    fs::create_directories(directory_);
    replace_file(file, text, 0600);
  } catch (const std::exception& failure) {
    throw cannot_keep(file, failure.what());
  }
  definitions_[definition.name] = definition;
}

void Definitions::remove(const std::string& name) {
  const bool linked = starts_with_host(name);
  set_starts_with_host(name, false);  // first: a link without a file is worse than a file without a link
  if (::unlink(file_of(name).c_str()) != 0 && errno != ENOENT) {
    const int why = errno;
    if (linked) set_starts_with_host(name, true);
    throw operation_failed(fmt::format("cannot remove {}: {}", file_of(name), std::strerror(why)));
  }
  definitions_.erase(name);
}

bool Definitions::starts_with_host(const std::string& name) const {
  std::error_code error;
  return fs::is_symlink(link_of(name), error);
}

void Definitions::set_starts_with_host(const std::string& name, bool starts) {
  const std::string link = link_of(name);
  std::error_code error;
  if (!starts) {
    if (::unlink(link.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return;
    throw operation_failed(fmt::format("cannot remove {}: {}", link, std::strerror(errno)));
  }
  fs::create_directories(directory_ + "/autostart", error);
  if (::symlink(fmt::format("../{}{}", name, suffix).c_str(), link.c_str()) == 0 || errno == EEXIST) return;
  throw operation_failed(fmt::format("cannot make {}: {}", link, std::strerror(errno)));
}

}  // namespace samepage::libvirt
