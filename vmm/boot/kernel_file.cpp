// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/kernel_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "vmm/boot/bzimage.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

[[noreturn]] void refuse(const std::string& path, std::string_view why) {
  throw UserError(fmt::format("cannot boot {}: {}", path, why));
}

Image checked(const std::string& path, std::variant<Image, ImageFault> parsed) {
  if (const auto* fault = std::get_if<ImageFault>(&parsed)) refuse(path, describe(*fault));
  return std::get<Image>(std::move(parsed));
}

void unpack_kernel(const std::string& path, const BzImage& header, EntryChoice choice, KernelFile& kernel) {
  const auto content = kernel.file.content();
  auto result = unpack(content.subspan(header.payload.offset, header.payload.bytes));
  if (const auto* fault = std::get_if<UnpackFault>(&result)) refuse(path, describe(*fault));
  kernel.unpacked = std::get<Unpacked>(std::move(result));
  kernel.image = checked(path, parse_image(kernel.unpacked.content(), choice));
}

void understand(const std::string& path, EntryChoice choice, KernelFile& kernel) {
  const auto content = kernel.file.content();
  if (!is_bzimage(content)) {
    kernel.image = checked(path, parse_image(content, choice));
    return;
  }
  const auto parsed = parse_bzimage(content);
  if (const auto* fault = std::get_if<BzImageFault>(&parsed)) refuse(path, describe(*fault));
  const auto& header = std::get<BzImage>(parsed);
  const auto setup = content.subspan(header.setup_header.offset, header.setup_header.bytes);
  kernel.setup_header.assign(setup.begin(), setup.end());
  const auto payload = content.subspan(header.payload.offset, header.payload.bytes);
  if (choice != EntryChoice::compressed && compression_of(payload) != Compression::other) {
    unpack_kernel(path, header, choice, kernel);
  } else {
    kernel.image = checked(path, self_unpacking_image(header));
  }
}

}  // namespace

KernelFile open_kernel(const std::string& path, EntryChoice choice) {
  KernelFile kernel{view_file(path, "boot"), {}, {}, {}};
  understand(path, choice, kernel);
  kernel.file.require_whole();
  return kernel;
}

}  // namespace samepage::vmm
