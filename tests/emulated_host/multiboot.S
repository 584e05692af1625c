// SPDX-License-Identifier: Apache-2.0
// A Multiboot program in the manner of kvm-unit-tests: 32 bits, ring 0, no paging, output at COM1, its result written to
// port 0xf4. It verifies every word of 1,024 pages, of which 64 each are equal, again and again, and in each
// round writes one of them anew.
#define rounds 1000
#define first_page 0x400000
#define page_count 1024

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

  .section .rodata
passed: .asciz "multiboot: PASS\n"
failed: .asciz "multiboot: FAIL\n"

  .section .bss
  .balign 16
  .skip 4096
stack_end:

  .section .note.GNU-stack, "", @progbits
