// SPDX-License-Identifier: Apache-2.0
// Long because the table is in one place.
#include "vmm/process/guest_calls.hpp"

#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>

#include "base/library_calls.hpp"

namespace samepage::vmm {
namespace {

using Kind = ThreadKind;
using Answer = CallRule::Answer;
using Test = ArgumentRule::Test;

constexpr ThreadKinds all = guest_threads;
constexpr ThreadKinds vcpu = kinds({Kind::control, Kind::vcpu});
constexpr ThreadKinds devices = kinds({Kind::control, Kind::devices});
// Snapshots are taken by the agent's thread, so that nobody replaces pages meanwhile.
constexpr ThreadKinds agent = kinds({Kind::control, Kind::agent});
constexpr ThreadKinds files = kinds({Kind::control, Kind::agent, Kind::devices});
constexpr ThreadKinds control = kinds({Kind::control});

constexpr std::array<std::uint64_t, 1> empty_path{AT_EMPTY_PATH};
constexpr ArgumentRule of_descriptor{Test::with, 3, empty_path, "AT_EMPTY_PATH"};

constexpr std::array<std::uint64_t, 4> vcpu_requests{KVM_RUN, KVM_GET_REGS, KVM_GET_MP_STATE, KVM_IRQ_LINE};
// The state of a guest, read and written; memory slots go at the end. The sizes of some structures depend on
// what is behind them, so their macros do not compile.
constexpr std::array<std::uint64_t, 38> state_requests{KVM_GET_REGS,
                                                       KVM_IRQ_LINE,
                                                       KVM_GET_SREGS,
                                                       KVM_SET_SREGS,
                                                       KVM_GET_SREGS2,
                                                       KVM_SET_SREGS2,
                                                       KVM_SET_REGS,
                                                       KVM_GET_XCRS,
                                                       KVM_SET_XCRS,
                                                       KVM_GET_DEBUGREGS,
                                                       KVM_SET_DEBUGREGS,
                                                       KVM_GET_LAPIC,
                                                       KVM_SET_LAPIC,
                                                       KVM_GET_VCPU_EVENTS,
                                                       KVM_SET_VCPU_EVENTS,
                                                       KVM_GET_MP_STATE,
                                                       KVM_SET_MP_STATE,
                                                       KVM_GET_TSC_KHZ,
                                                       KVM_SET_TSC_KHZ,
                                                       KVM_HAS_DEVICE_ATTR,
                                                       KVM_GET_DEVICE_ATTR,
                                                       KVM_SET_DEVICE_ATTR,
                                                       KVM_GET_IRQCHIP,
                                                       KVM_SET_IRQCHIP,
                                                       KVM_GET_PIT2,
                                                       KVM_SET_PIT2,
                                                       KVM_GET_CLOCK,
                                                       KVM_SET_CLOCK,
                                                       KVM_CHECK_EXTENSION,
                                                       KVM_SET_USER_MEMORY_REGION,
                                                       _IOWR(KVMIO, 0x02, std::uint32_t),  // MSR index list
                                                       _IOWR(KVMIO, 0x05, std::uint64_t),  // supported CPUID
                                                       _IOWR(KVMIO, 0x88, std::uint64_t),  // get MSRs
                                                       _IOW(KVMIO, 0x89, std::uint64_t),   // set MSRs
                                                       _IOW(KVMIO, 0x90, std::uint64_t),   // set CPUID
                                                       _IOR(KVMIO, 0xa4, char[4096]),      // get XSAVE
                                                       _IOR(KVMIO, 0xcf, char[4096]),      // get XSAVE2
                                                       _IOW(KVMIO, 0xa5, char[4096])};     // set XSAVE
constexpr std::array<std::uint64_t, 3> tracking_requests{UFFDIO_REGISTER, UFFDIO_API,
                                                         _IOWR('f', 16, char[96])};  // PAGEMAP_SCAN
constexpr std::array<std::uint64_t, 1> user_mode_only{UFFD_USER_MODE_ONLY};
constexpr std::array<std::uint64_t, 1> is_terminal{TCGETS};
constexpr std::array<std::uint64_t, 4> terminal_requests{TCSETS, TCSETSW, TCSETSF, TIOCGPGRP};

constexpr std::array<std::uint64_t, 8> descriptor_requests{
    F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_ADD_SEALS, F_GET_SEALS, F_SETFD, F_OFD_GETLK, F_OFD_SETLK};
constexpr std::array<std::uint64_t, 1> local{AF_UNIX};

constexpr auto rules = joined(
    library_calls(all, control),
    std::array{
        CallRule{"mmap", all, "memory; frames are mapped with it", not_executable},
        CallRule{"madvise", all, "memory; pages are given back with it"},
        CallRule{"getrandom", all, "malloc(); a guest's random numbers; names of snapshots"},
        CallRule{"tgkill", all, "brings a vCPU out of the guest; abort()", own_process},
        // What is open.
        CallRule{"read", all, "events, sockets, files"},
        CallRule{"write", all, "events, the console, stderr"},
        CallRule{"poll", all, "waits; the console has room"},
        CallRule{"ppoll", all, "the same, in other C libraries"},
        CallRule{"newfstatat", all, "what a descriptor is", of_descriptor},
        CallRule{"pread64", files, "disks, memory files, page tables, figures"},
        CallRule{"pwrite64", files, "disks, memory files"},
        CallRule{"readv", files, "packets, disks"},
        CallRule{"writev", files, "packets, disks, text"},
        CallRule{"lseek", files, "holes of files; streams"},
        CallRule{"fallocate", files, "a disk's sectors that are zeros; holes in memory files"},
        CallRule{"ftruncate", files, "memory files, snapshots, dumps"},
        CallRule{"fdatasync", files, "a guest flushes a disk"},
        CallRule{"fsync", files, "the same"},
        // vCPUs.
        CallRule{"ioctl",
                 vcpu,
                 "runs the guest",
                 {Test::one_of, 1, vcpu_requests, "KVM_RUN, KVM_GET_REGS, KVM_GET_MP_STATE, KVM_IRQ_LINE"}},
        // Devices.
        CallRule{"ioctl",
                 devices,
                 "interrupts",
                 {Test::one_of, 1, std::span(vcpu_requests).subspan(3), "KVM_IRQ_LINE"}},
        // Merging, paging and snapshots.
        CallRule{"ioctl",
                 agent,
                 "which pages were written",
                 {Test::one_of, 1, tracking_requests, "UFFDIO_REGISTER, UFFDIO_API, PAGEMAP_SCAN"}},
        CallRule{"ioctl",
                 agent,
                 "the state of the guest, saved and put back",
                 {Test::one_of, 1, state_requests, "KVM: state of vCPUs, clock, interrupt controllers"}},
        CallRule{"ioctl", agent, "whether stderr is a terminal", {Test::one_of, 1, is_terminal, "TCGETS"}},
        CallRule{"userfaultfd",
                 agent,
                 "the same, of private persistent memory",
                 {Test::with, 0, user_mode_only, "UFFD_USER_MODE_ONLY"}},
        CallRule{"mincore", agent, "what a file's page cache has"},
        CallRule{"fadvise64", agent, "drops a file's page cache"},
        CallRule{"getrusage", agent, "page faults, processor time"},
        CallRule{"sysinfo", agent, "whether the host has swap"},
        CallRule{"sched_getscheduler", agent, "a real-time priority while the guest is held"},
        CallRule{"sched_setscheduler",
                 agent,
                 "the same",
                 {Test::one_of, 0, call_values::nothing, "of the thread itself"}},
        CallRule{"sched_get_priority_min", agent, "the same"},
        CallRule{"sched_getattr",
                 agent,
                 "merging gives way",
                 {Test::one_of, 0, call_values::nothing, "of the thread itself"}},
        CallRule{"sched_setattr",
                 agent,
                 "the same",
                 {Test::one_of, 0, call_values::nothing, "of the thread itself"}},
        CallRule{"clock_nanosleep", agent, "waits"},
        CallRule{"memfd_create", agent, "memory files for clones"},
        CallRule{"fcntl",
                 agent,
                 "one more descriptor, seals, locks of disks",
                 {Test::one_of, 1, descriptor_requests, "F_DUPFD_CLOEXEC, flags, seals, F_OFD_*LK"}},
        CallRule{"utimensat", agent, "tells who waits that a file still changes"},
        CallRule{"flock", agent, "the log is renamed by one of several"},
        // Who asks, and the daemon.
        CallRule{"recvmsg", agent, "the daemon, requests"},
        CallRule{"sendmsg", agent, "the same"},
        CallRule{"recvfrom", agent, "consoles of clients"},
        CallRule{"sendto", agent, "the same"},
        CallRule{"shutdown", agent, "a daemon that hangs is given up"},
        CallRule{"getsockopt", agent, "who a peer is"},
        CallRule{"setsockopt", agent, "how long a peer is waited for"},
        CallRule{"socket", agent, "a daemon that took another's place", {Test::one_of, 0, local, "AF_UNIX"}},
        CallRule{
            "connect",
            agent,
            "the same: the kernel tells the daemon who connects, so nobody can do it for us",
            {Test::sealed, 1, {}, "to the daemon's address, sealed; on Linux before 6.10 to any local one"}},
        CallRule{"geteuid", agent, "whose a daemon and a client are"},
        CallRule{"accept4", control, "requests"},
        // Files are opened by somebody else.
        CallRule{
            "openat", agent, "figures of the kernel, the log, records, temporary files", {}, Answer::asked},
        CallRule{"open", agent, "the same", {}, Answer::asked},
        CallRule{"mkdir", agent, "the directory of records", {}, Answer::asked},
        CallRule{"rename", agent, "a record, a full log", {}, Answer::asked},
        CallRule{"unlink", agent, "old records", {}, Answer::asked},
        CallRule{"unlinkat", agent, "its socket", {}, Answer::asked},
        CallRule{"newfstatat", agent, "what is at a path"},
        CallRule{"statx", agent, "the same"},
        CallRule{"lstat", agent, "the same"},
        CallRule{"stat", agent, "the same"},
        CallRule{"access", agent, "the same"},
        CallRule{"readlink", agent, "the same"},
        CallRule{"getdents64", agent, "which records there are"},
        CallRule{"getcwd", agent, "paths"},
        // The main thread's.
        CallRule{"ioctl",
                 control,
                 "a terminal that is the guest's console",
                 {Test::one_of, 1, terminal_requests, "TCSETS*, TIOCGPGRP"}},
        CallRule{"getpgrp", control, "whether it is in its terminal's foreground"},
        CallRule{"getpgid", control, "the same"},
        CallRule{"rt_sigaction", control, "a terminal is put back; the end"},
        CallRule{"sigaltstack", control, "the end"},
        CallRule{"alarm", agent, "it ends after a forbidden call, whatever happens"},
        CallRule{"wait4", control, "the opener's end"},
    });

}  // namespace

std::span<const CallRule> guest_calls() {
  return rules;
}

}  // namespace samepage::vmm
