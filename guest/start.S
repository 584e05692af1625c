// SPDX-License-Identifier: Apache-2.0
// From the PVH entry, or from a start-up IPI, to ring 3. Ring 0 ends here, except for the few instructions of
// services.S. Each instruction counts: on a host that interprets ring 0 it costs about 2 us.
//
//   start (PVH, 32 bits, ebx = start info) ------------------------> long mode -> start_program(start info)
//   trampoline (real mode, below 1 MiB) -> ap_start (32 bits) -----> long mode -> start_secondary()

#include "layout.inc"

.set cr0_on,   0x80010033       // PG WP NE ET MP PE
.set cr4_on,   0x620            // OSXMMEXCPT OSFXSR PAE
.set efer,     0xc0000080
.set efer_on,  0x900            // NXE LME

.macro enter_long_mode target
  mov $cr4_on, %eax
  mov %eax, %cr4
  mov $pml4, %eax
  mov %eax, %cr3
  mov $efer, %ecx
  mov $efer_on, %eax
  xor %edx, %edx
  wrmsr
  mov $cr0_on, %eax
  mov %eax, %cr0
  ljmp $code64, $\target
.endm

.section .text.start, "ax", @progbits
.code32
.globl start
start:
  lgdtl gdt_pointer
  enter_long_mode start64

.code64
start64:
  lidt idt_pointer
  mov $first_tss, %eax
  ltr %ax
  mov %ebx, %edi
  mov $boot_frame, %esp
  iretq

.code32
ap_start:
  enter_long_mode ap_start64

.code64
ap_start64:
  lidt idt_pointer
  mov $1, %eax
  lock xaddl %eax, cpus_entered
  cmp $max_cpus, %eax
  jae ap_surplus
  mov %eax, %ecx
  shl $4, %ecx
  add $first_tss, %ecx
  ltr %cx
  inc %eax
  shl $stack_shift, %eax
  lea stacks(%rax), %rsp
  lea -(ring0_stack + 8)(%rsp), %rcx
  push $user_data
  push %rcx
  push $user_rflags
  push $user_code
  push $start_secondary
  iretq
ap_surplus:
  cli
  hlt
  jmp ap_surplus

// Copied to a page below 1 MiB, and entered there with cs = that page and ip = 0.
.section .rodata.trampoline, "a", @progbits
.code16
.globl trampoline
trampoline:
  lgdtl %cs:(trampoline_gdt - trampoline)
  mov $0x11, %eax               // ET PE; clears CD and NW, which INIT has set
  mov %eax, %cr0
  ljmpl $code32, $ap_start
trampoline_gdt:
  .short first_tss + max_cpus * 16 - 1
  .long data_base               // the GDT
.globl trampoline_end
trampoline_end:

// Index of the next CPU that enters; the first CPU is number 0.
.section .data, "aw", @progbits
.balign 4
cpus_entered:
  .long 1

.section .note.GNU-stack, "", @progbits
