// SPDX-License-Identifier: Apache-2.0
// Every table that the CPU reads, complete in the image, because ring 0 code that filled them would be interpreted
// on some hosts, at 2 us an instruction. The page tables have Accessed and Dirty set throughout, so the CPU never
// writes them and they stay equal in all guests. Only cpu_tables is written: by ltr, and by start_cpus.
//
//   0         4 KiB pages, the first absent so that a null pointer faults, the rest RW- (boot information)
//   2 MiB     4 KiB pages: text R-X, rodata R--, the rest RW-
//   4 MiB     2 MiB pages, RW-, identity, up to 4 GiB; uncached from 0xfe000000 on (APICs)

#include "layout.inc"

.set present,   1 << 0
.set writable,  1 << 1
.set user,      1 << 2
.set uncached,  3 << 3          // PWT and PCD
.set seen,      3 << 5          // Accessed and Dirty
.set large,     1 << 7
.set no_exec,   1 << 63

.set table,     present | writable | user | 1 << 5
.set page_rx,   present | user | seen
.set page_r,    present | user | seen | no_exec
.set page_rw,   present | writable | user | seen | no_exec

.section .rodata.tables, "a", @progbits
.balign 4096
.globl pml4
pml4:
  .quad pdpt + table
  .fill 511, 8, 0

pdpt:
  .quad directories + table, directories + 0x1000 + table
  .quad directories + 0x2000 + table, directories + 0x3000 + table
  .fill 508, 8, 0

directories:
  .quad low_pages + table
  .quad image_pages + table
  .set address, 0x400000
  .rept 0x7f0 - 2
  .quad address + (page_rw | large)
  .set address, address + 0x200000
  .endr
  .rept 16
  .quad address + (page_rw | large | uncached)
  .set address, address + 0x200000
  .endr

low_pages:
  .quad 0
  .set address, 0x1000
  .rept 511
  .quad address + page_rw
  .set address, address + 0x1000
  .endr

image_pages:
  .set address, text_base
  .rept (rodata_base - text_base) >> 12
  .quad address + page_rx
  .set address, address + 0x1000
  .endr
  .rept (data_base - rodata_base) >> 12
  .quad address + page_r
  .set address, address + 0x1000
  .endr
  .rept 512 - ((data_base - text_base) >> 12)
  .quad address + page_rw
  .set address, address + 0x1000
  .endr

// Interrupt gates, SDM 3A 6.14.1; ring 3 may call one of them (DPL 3).
.set gate_ring0, 0x8e00
.set gate_ring3, 0xee00
idt:
  .set handler, text_base
  .set vector, 0
  .rept vector_count
  .short handler & 0xffff, code64
  .if vector == vector_service
  .short gate_ring3
  .else
  .short gate_ring0
  .endif
  .short handler >> 16
  .quad 0
  .set handler, handler + 16
  .set vector, vector + 1
  .endr

.globl idt_pointer
idt_pointer:
  .short vector_count * 16 - 1
  .quad idt

.globl gdt_pointer
gdt_pointer:
  .short first_tss + max_cpus * 16 - 1
  .quad gdt

// What iretq takes the first CPU to ring 3 with; nothing is pushed for it.
.globl boot_frame
boot_frame:
  .quad start_program, user_code, user_rflags, stacks + stack_size - ring0_stack - 8, user_data

// One page: the GDT with a TSS descriptor for each CPU, the TSSs, and one I/O bitmap for all, which each TSS's
// limit reaches to (SDM 3A 7.2.1, SDM 1 19.5.2). guest.ld puts the page at data_base.
.set tss_offset,     first_tss + max_cpus * 16
.set tss_size,       104
.set bitmap_offset,  tss_offset + max_cpus * tss_size
.set bitmap_size,    user_ports / 8 + 1

.section .data.cpu_tables, "aw", @progbits
.balign 4096
gdt:
  .quad 0
  .quad 0x00cf9b000000ffff      // code32
  .quad 0x00af9b000000ffff      // code64
  .quad 0x00cff3000000ffff      // user_data
  .quad 0x00affb000000ffff      // user_code
  .set offset, tss_offset
  .rept max_cpus
  .short bitmap_offset + bitmap_size - 1 - offset
  .short (data_base + offset) & 0xffff
  .byte (data_base + offset) >> 16 & 0xff, 0x89, 0, (data_base + offset) >> 24
  .quad 0
  .set offset, offset + tss_size
  .endr

  .set offset, tss_offset
  .set cpu, 0
  .rept max_cpus
  .long 0
  .quad stacks + stack_size * (cpu + 1)     // rsp0
  .fill 88, 1, 0
  .short 0, bitmap_offset - offset
  .set offset, offset + tss_size
  .set cpu, cpu + 1
  .endr

  .fill bitmap_size - 1, 1, 0
  .byte 0xff                    // the CPU may look a byte too far
.if . - gdt > 4096
.error "the cpu tables are larger than a page"
.endif

.section .note.Xen, "a", @note
  .long 4, 4, 18                // XEN_ELFNOTE_PHYS32_ENTRY: abi::pvh_note_type
  .asciz "Xen"
  .long start

.section .note.GNU-stack, "", @progbits
