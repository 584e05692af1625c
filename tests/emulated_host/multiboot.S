// SPDX-License-Identifier: Apache-2.0
// A Multiboot program that starts as kvm-unit-tests do: 32 bits, ring 0, its environment as a module, the number of
// CPUs from the firmware's configuration, the other CPU started at address 0 by messages to all but itself, output at
// COM1, its result written to port 0xf4. It verifies every word of 1,024 pages, of which 64 each are equal, again and
// again, and in each round writes one of them anew.
#define rounds 1000
#define first_page 0x400000
#define page_count 1024
#define cpus 2

#define interrupt_command 0xfee00300
#define to_all_others_init 0xc4500
#define to_all_others_start 0xc0600 // at address 0

  .code32
  .section .text
  .balign 4
  .long 0x1badb002, 0, -0x1badb002
  .globl _start
_start:
  mov $stack_end, %esp
  cld
  cmp $0x2badb002, %eax
  jne fail

  cmpl $1, 20(%ebx)     // modules
  jne fail
  mov 24(%ebx), %eax
  mov (%eax), %edi      // its first byte
  mov 4(%eax), %ecx     // and the one behind its last
  sub %edi, %ecx
  cmp $environment_end - environment, %ecx
  jne fail
  mov $environment, %esi
  repe cmpsb
  jne fail

  mov $0xff, %al        // no interrupts from the 8259s
  out %al, $0x21
  out %al, $0xa1

  mov $0x510, %dx
  mov $5, %ax
  out %ax, %dx
  inc %dx
  in %dx, %al
  movzx %al, %ecx
  in %dx, %al
  mov %al, %ch
  cmp $cpus, %ecx
  jne fail

  mov $other_start, %esi
  xor %edi, %edi
  mov $other_end - other_start, %ecx
  rep movsb
  movl $0x1ff, 0xfee000f0 // APIC on
  movl $to_all_others_init, interrupt_command
  movl $to_all_others_start, interrupt_command
0:
  pause
  cmpl $cpus, running
  jne 0b

  xor %ebx, %ebx
1:
  call write_page
  inc %ebx
  cmp $page_count, %ebx
  jb 1b

  mov $rounds, %ebp
next_round:
  xor %ebx, %ebx
2:
  call place_and_value
  repe scasl
  jne fail
  inc %ebx
  cmp $page_count, %ebx
  jb 2b
  imul $7, %ebp, %ebx
  and $page_count - 1, %ebx
  call place_and_value
  not %eax
  rep stosl             // something else first, so that it is not equal meanwhile
  call write_page
  dec %ebp
  jnz next_round

  mov $passed, %esi
  xor %ebx, %ebx
  jmp report
fail:
  mov $failed, %esi
  mov $1, %ebx
report:
  lodsb
  test %al, %al
  jz 3f
  mov $0x3f8, %dx
  out %al, %dx
  jmp report
3:
  mov %ebx, %eax
  mov $0xf4, %dx
  out %eax, %dx
4:
  hlt
  jmp 4b

// Page ebx: edi its address, ecx its words, eax what each holds.
place_and_value:
  mov %ebx, %edi
  shl $12, %edi
  add $first_page, %edi
  mov %ebx, %eax
  and $15, %eax
  imul $0x01010101, %eax
  inc %eax
  mov $1024, %ecx
  ret

write_page:
  call place_and_value
  rep stosl
  ret

// Another CPU, in real mode.
  .code16
other_start:
  mov %cr0, %eax
  or $1, %eax
  mov %eax, %cr0
  lgdtl segments_pointer - other_start
  ljmpl $8, $other_protected
segments_pointer:
  .word segments_end - segments - 1
  .long segments
other_end:
  .code32
other_protected:
  mov $0x10, %ax
  mov %ax, %ds
  lock incl running
5:
  hlt
  jmp 5b

  .section .data
running: .long 1

  .section .rodata
segments: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
segments_end:
environment: .ascii "NR_CPUS=2\n"
environment_end:
passed: .asciz "multiboot: PASS\n"
failed: .asciz "multiboot: FAIL\n"

  .section .bss
  .balign 16
  .skip 4096
stack_end:

  .section .note.GNU-stack, "", @progbits
