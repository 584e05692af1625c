// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/settled_definition.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/check.hpp"
#include "manage/guests/images.hpp"
#include "manage/libvirt/error.hpp"
#include "vmm/devices/virtio/mac_address.hpp"

namespace samepage::libvirt {
namespace {

// None where there is no such file, yet.
std::optional<std::uint64_t> kib_of_file(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return std::nullopt;
  return (static_cast<std::uint64_t>(file.st_size) + 1023) / 1024;
}

std::string kernel_path(const std::string& kernel) {
  try {
    std::string path = guests::find_image(kernel);
    if (!path.starts_with('/')) {
      throw wrong_xml(
          fmt::format("<kernel>: '{}' is neither an absolute path nor the name of an image", kernel));
    }
    return path;
  } catch (const UserError& error) {
    throw wrong_xml(fmt::format("<kernel>: {}", error.what()));
  }
}

}  // namespace

DomainDefinition settled(DomainDefinition definition) {
  if (!definition.uuid) definition.uuid = random_uuid();
  definition.kernel = kernel_path(definition.kernel);
  for (vmm::NetConfig& net : definition.nets) {
    if (!net.mac) net.mac = vmm::random_mac();
  }
  for (const PmemDefinition& pmem : definition.pmems) {
    const std::optional<std::uint64_t> kib = kib_of_file(pmem.config.path);
    if (!kib || *kib == pmem.size_kib) continue;
    throw unsupported_config(fmt::format("<size> of persistent memory: {} has {} KiB and not {}",
                                         pmem.config.path, *kib, pmem.size_kib));
  }
  return definition;
}

void fill_in_sizes(DomainDefinition& definition) {
  for (PmemDefinition& pmem : definition.pmems) {
    if (pmem.size_kib == 0) pmem.size_kib = kib_of_file(pmem.config.path).value_or(0);
  }
}

}  // namespace samepage::libvirt
