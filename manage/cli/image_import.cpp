// SPDX-License-Identifier: Apache-2.0
// `samepage image import`: unpacks the kernel of a bzImage once, so that guests need not do it at each start.
// What is written is the kernel's own ELF file, whose segments Linux lays out in whole pages.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/check.hpp"
#include "base/standard_output.hpp"
#include "base/types.hpp"
#include "base/units.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/output_file.hpp"
#include "vmm/boot/kernel_file.hpp"
#include "vmm/control/exit_code.hpp"

namespace samepage::cli {
namespace {

namespace fs = std::filesystem;

// vmlinuz-6.1 becomes vmlinux-6.1, anything else gets an ending; in the current folder.
std::string default_output(const std::string& kernel) {
  constexpr std::string_view packed = "vmlinuz";
  const std::string name = fs::path(kernel).filename().string();
  if (name.starts_with(packed)) return "vmlinux" + name.substr(packed.size());
  return name + ".vmlinux";
}

bool in_whole_pages(const vmm::Image& image) {
  return std::all_of(image.segments.begin(), image.segments.end(), [](const vmm::Segment& segment) {
    return is_page_aligned(segment.address.value) && is_page_aligned(segment.file_offset);
  });
}

struct ImportOptions {
  std::string kernel;
  std::string output;  // empty: named after the kernel, in the current folder; "-": standard output
};

int import_image(const ImportOptions& options) {
  const std::string& kernel = options.kernel;
  const std::string& output = options.output;
  const vmm::KernelFile opened = vmm::open_kernel(kernel, vmm::EntryChoice::automatic);
  if (opened.unpacked.bytes == 0) {
    throw UserError(
        fmt::format("cannot import {}: {}", kernel,
                    opened.setup_header.empty()
                        ? "nothing in it is packed; run it as it is"
                        : "its kernel is not packed with gzip, xz, LZ4 or zstd; run it as it is"));
  }
  const std::string path = output.empty() ? default_output(kernel) : output;
  bool named = false;
  {
    OutputFile file(path);  // stop signals wait for it
    file.write(opened.content());
    file.commit();
    named = file.is_file();
  }
  if (named) print_text(path + "\n");
  complain(fmt::format(
      "unpacked {} to {}, entered by {}{}", kernel, format_size(opened.unpacked.bytes),
      opened.image.protocol == vmm::BootProtocol::pvh ? "PVH" : "its 64-bit entry",
      in_whole_pages(opened.image) ? "" : "; its segments are not in whole pages, so guests copy them"));
  return exit_ok;
}

}  // namespace

void add_image_import(const Command& image) {
  const Command command = image.add(
      "import", "Unpack a Linux kernel (bzImage) once, so that guests start faster and share it sooner");
  const auto options = std::make_shared<ImportOptions>();
  command.text({"KERNEL", "", "A vmlinuz"}, options->kernel, check_file, Needed::yes);
  command.text({"-o,--output", "FILE",
                "Where to (default: vmlinux-..., in the current folder); '-' is standard output"},
               options->output, check_file);
  command.runs([options] { return import_image(*options); });
}

}  // namespace samepage::cli
