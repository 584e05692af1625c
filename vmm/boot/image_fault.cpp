// SPDX-License-Identifier: Apache-2.0
// The sentences for what is wrong with an image, apart from the code that finds it.
#include "vmm/boot/image.hpp"

namespace samepage::vmm {

std::string_view describe(ImageFault fault) {
  switch (fault) {
    case ImageFault::empty:
      return "the file is empty; build or copy it again";
    case ImageFault::not_elf:
      return "it is no ELF file and no bzImage; give a Linux kernel (vmlinuz or vmlinux), a Multiboot image, "
             "or a PVH "
             "image, such as those that come with samepage";
    case ImageFault::truncated_header:
      return "the file ends inside the ELF header; build or copy it again";
    case ImageFault::not_64_bit:
      return "it is no 64-bit little-endian ELF file, nor a 32-bit one with a Multiboot header; build it for "
             "x86-64";
    case ImageFault::wrong_machine:
      return "it is built for another machine; build it for x86-64";
    case ImageFault::bad_program_headers:
      return "its program headers are malformed; link it again";
    case ImageFault::truncated_program_headers:
      return "the file ends inside its program headers; build or copy it again";
    case ImageFault::segment_overflows:
      return "a segment's offset or address and its size overflow 64 bits; link it again";
    case ImageFault::truncated_segment:
      return "the file ends inside a segment; build or copy it again";
    case ImageFault::segment_larger_in_file:
      return "a segment is larger in the file than in memory; link it again";
    case ImageFault::segment_above_hole:
      return "a segment ends above 3 GiB, where a guest starts without RAM; link it below";
    case ImageFault::segment_over_boot_page:
      return "a segment covers 0x7000 to 0x8000, where the start info goes; link it elsewhere";
    case ImageFault::segment_below_1_mib:
      return "a segment of the kernel lies below 1 MiB, where its boot parameters and tables go; link it "
             "above";
    case ImageFault::segment_over_boot_information:
      return "a segment covers 0x9e000 to 0x100000, where the Multiboot information and the ACPI tables go; "
             "link "
             "it elsewhere";
    case ImageFault::overlapping_segments:
      return "two of its segments overlap; link it again";
    case ImageFault::no_segments:
      return "it has no loadable segment; link it as an executable";
    case ImageFault::truncated_note:
      return "a note reaches past its segment or the file; build or copy it again";
    case ImageFault::no_pvh_note:
      return "it has no PVH entry note (XEN_ELFNOTE_PHYS32_ENTRY) and is no Linux kernel; build it as a PVH "
             "image or "
             "use one of the images that come with samepage";
    case ImageFault::bad_pvh_note:
      return "its PVH entry note holds neither a 32-bit nor a 64-bit address; build it again";
    case ImageFault::entry_outside_segments:
      return "its entry lies outside its segments; link it again";
    case ImageFault::bad_multiboot_header:
      return "its Multiboot header asks for what samepage does not have (a video mode, or flags that it does "
             "not "
             "know); build it with flags of 3 or less";
  }
  return "it is malformed";
}

}  // namespace samepage::vmm
