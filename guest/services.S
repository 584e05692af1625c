// SPDX-License-Identifier: Apache-2.0
// What ring 3 can't do: exception and interrupt handlers, and services. A service is a function of
// ring 3 that puts the address of some ring 0 code into r11 and raises int3; that code runs, and iretq goes
// back. Why int3: some hosts run ring 3 natively with the host's own IDT, which lets no other int n through.
// Why an address: a dispatcher would be interpreted there. Nothing protects ring 0 from ring 3, and nothing has to.

#include "layout.inc"

.set eoi,           0xfee000b0
.set tsc_deadline,  0x6e0

.macro service name
.section .text.services, "ax", @progbits
.globl \name
\name:
.endm

.macro call_ring0
  mov $7f, %r11d
  int3
.endm

.section .text.handlers, "ax", @progbits
.code64
handlers:
  .set vector, 0
  .rept 32
  .org 16 * vector
  .if vector == vector_service
  jmp *%r11
  .else
  // 8, 10 to 14, 17, 21, 29 and 30 come with an error code (SDM 3A 6.15, APM 2 8.2).
  .if !(0x60227d00 >> vector & 1)
  push $0
  .endif
  push $vector
  jmp exception
  .endif
  .set vector, vector + 1
  .endr

  .org 16 * vector_timer
  mov $eoi, %eax                // waiting code is all that it interrupts: rax is free
  movl $0, (%rax)
  iretq

  .org 16 * vector_spurious
  iretq

  .org 16 * vector_count
// Stack: vector, error code, rip, cs, rflags, rsp, ss. The last five become the way to guest_fault(vector,
// error code, rip, cr2) on this CPU's emptied ring 3 stack, wherever the exception came from.
exception:
  pop %rdi
  pop %rsi
  mov (%rsp), %rdx
  mov %cr2, %rcx
  mov %rsp, %rax
  or $stack_size - 1, %rax
  sub $ring0_stack + 7, %rax
  movq $guest_fault, (%rsp)
  movq $user_code, 8(%rsp)
  movq $user_rflags, 16(%rsp)
  mov %rax, 24(%rsp)
  movq $user_data, 32(%rsp)
  iretq

// [[noreturn]] void halt_forever()
service halt_forever
  call_ring0
7:
  cli
  hlt
  jmp 7b

// [[noreturn]] void triple_fault(). The exception is raised in ring 3, because an interpreter of ring 0 need not
// know how to raise one.
service triple_fault
  call_ring0
  ud2
7:
  lidt no_idt
  iretq

// void wait_for_timer(): returns after this CPU's next interrupt
service wait_for_timer
  call_ring0
  ret
7:
  sti
  hlt
  iretq

// void wait_for_deadline(uint64_t tsc): the same, with the timer set to go off at `tsc` as ring 0 reads it
service wait_for_deadline
  mov %edi, %eax
  mov %rdi, %rdx
  shr $32, %rdx
  mov $tsc_deadline, %ecx
  call_ring0
  ret
7:
  wrmsr
  sti
  hlt
  iretq

// uint64_t ring0_tsc(): what wait_for_deadline's argument is compared with
service ring0_tsc
  call_ring0
  shl $32, %rdx
  or %rdx, %rax
  ret
7:
  rdtsc
  iretq

// void write_any_port(uint16_t port, uint8_t value): ring 3 has only the low ones
service write_any_port
  mov %edi, %edx
  mov %esi, %eax
  call_ring0
  ret
7:
  out %al, %dx
  iretq

// uint8_t read_any_port(uint16_t port)
service read_any_port
  mov %edi, %edx
  xor %eax, %eax
  call_ring0
  ret
7:
  in %dx, %al
  iretq

// void read_cpuid(uint32_t leaf, uint32_t subleaf, CpuidResult*). In ring 3 the instruction itself may run
// natively, without the hypervisor, and then it describes the host.
service read_cpuid
  push %rbx
  mov %edi, %eax
  mov %esi, %ecx
  mov %rdx, %rsi
  call_ring0
  mov %eax, (%rsi)
  mov %ebx, 4(%rsi)
  mov %ecx, 8(%rsi)
  mov %edx, 12(%rsi)
  pop %rbx
  ret
7:
  cpuid
  iretq

// uint32_t cpu_index(): a CPU is known by the stack it runs on. Only ring 3 calls it.
service cpu_index
  lea -1(%rsp), %rax
  sub $stacks, %rax
  shr $stack_shift, %rax
  ret

.section .rodata, "a", @progbits
.balign 8
no_idt:
  .short 0
  .quad 0

.section .note.GNU-stack, "", @progbits
