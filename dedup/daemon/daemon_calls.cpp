// SPDX-License-Identifier: Apache-2.0
// Long because the table is in one place.
#include "dedup/daemon/daemon_calls.hpp"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>

#include <array>

#include "base/library_calls.hpp"

namespace samepage::dedup {
namespace {

using Kind = ThreadKind;
using Answer = CallRule::Answer;
using Test = ArgumentRule::Test;

constexpr ThreadKinds all = daemon_threads;
constexpr ThreadKinds metrics = kinds({Kind::merging, Kind::metrics});
constexpr ThreadKinds writer = kinds({Kind::merging, Kind::writer});
constexpr ThreadKinds merging = kinds({Kind::merging});

constexpr std::array<std::uint64_t, 3> requests{FIONBIO, FIONREAD, TCGETS};

constexpr auto rules = joined(
    library_calls(all, merging),
    std::array{
        CallRule{"mmap", all, "memory", not_executable},
        CallRule{"madvise", all, "memory"},
        CallRule{"getrandom", all, "malloc(); secrets of domains"},
        CallRule{"tgkill", all, "abort()", own_process},
        // What is open.
        CallRule{"read", all, "events, sockets, files"},
        CallRule{"write", all, "events, the log"},
        CallRule{"poll", all, "waits"},
        CallRule{"ppoll", all, "the same"},
        CallRule{"epoll_ctl", all, "the main thread is woken"},
        CallRule{"timerfd_settime", all, "the same"},
        CallRule{"newfstatat", all, "what a descriptor is; what is at a path"},
        // Paging files and stores.
        CallRule{"pwrite64", writer, "pages, to stores and to paging files"},
        CallRule{"fdatasync", writer, "waits for the disk"},
        CallRule{"sync_file_range", writer, "the same"},
        CallRule{"fallocate", merging, "segments, holes"},
        CallRule{"ftruncate", merging, "stores grow, paging files"},
        CallRule{"pread64", merging, "frames, headers"},
        CallRule{"fsync", merging, "headers"},
        CallRule{"memfd_create", merging, "stores, staging areas"},
        CallRule{"fadvise64", merging, "page cache"},
        CallRule{"statfs", merging, "room on a disk, kinds of pidfds"},
        CallRule{"fstatfs", merging, "the same"},
        // Connections.
        CallRule{"epoll_wait", metrics, "waits"},
        CallRule{"epoll_pwait", metrics, "the same"},
        CallRule{"epoll_create1", metrics, "the same"},
        CallRule{"timerfd_create", metrics, "the same"},
        CallRule{"eventfd2", metrics, "the same"},
        CallRule{"accept", metrics, "connections"},
        CallRule{"accept4", metrics, "the same"},
        CallRule{"recvmsg", metrics, "what peers say"},
        CallRule{"recvfrom", metrics, "the same"},
        CallRule{"readv", metrics, "the same"},
        CallRule{"sendmsg", metrics, "answers, descriptors of stores"},
        CallRule{"sendto", metrics, "the same"},
        CallRule{"writev", metrics, "the same; text"},
        CallRule{"shutdown", metrics, "a connection's end"},
        CallRule{"getsockopt", metrics, "who a peer is"},
        CallRule{"setsockopt", metrics, "how long a peer is waited for"},
        CallRule{"getsockname", metrics, "where it listens"},
        CallRule{"getpeername", metrics, "who asks"},
        CallRule{"ioctl",
                 metrics,
                 "sockets that do not wait; whether stderr is a terminal",
                 {Test::one_of, 1, requests, "FIONBIO, FIONREAD, TCGETS"}},
        CallRule{"fcntl", metrics, "descriptors"},
        CallRule{"pidfd_open", merging, "when a peer's process is gone"},
        // Its socket, which somebody has removed, its lock, knobs, paging files, figures of the kernel.
        CallRule{"socket", metrics, "its socket; whether another daemon has it"},
        CallRule{"bind", metrics, "the same"},
        CallRule{"listen", metrics, "the same"},
        CallRule{"connect", metrics, "the same"},
        CallRule{"chmod", metrics, "who may connect"},
        CallRule{"fchmod", merging, "who may read a store"},
        CallRule{"openat", metrics,
                 "the same, paging files, knobs, the policy, the log, figures of the kernel"},
        CallRule{"open", metrics, "the same"},
        CallRule{"unlink", metrics, "its socket and lock, knobs, paging files"},
        CallRule{"unlinkat", merging, "the same"},
        CallRule{"rename", metrics, "knobs, a full log"},
        CallRule{"mkdir", metrics, "the runtime directory"},
        CallRule{"rmdir", merging, "its control group"},
        CallRule{"flock", metrics, "its lock, paging files, the log"},
        CallRule{"lseek", metrics, "files"},
        CallRule{"statx", metrics, "what is at a path"},
        CallRule{"lstat", metrics, "the same"},
        CallRule{"stat", metrics, "the same"},
        CallRule{"access", metrics, "the same"},
        CallRule{"readlink", metrics, "the same"},
        CallRule{"getdents64", merging, "the same"},
        CallRule{"getcwd", merging, "paths"},
        CallRule{"getrusage", metrics, "processor time"},
        CallRule{"geteuid", metrics, "whose it is"},
        CallRule{"getuid", metrics, "the same"},
        CallRule{"uname", merging, "the kernel's version"},
        CallRule{"setpriority", merging, "metrics yield to all else"},
        CallRule{"clock_nanosleep", merging, "waits for a lock"},
        // Threads and the end.

        CallRule{"rt_sigaction", merging, "signals that end it"},
        CallRule{"sigaltstack", merging, "the end"},
        CallRule{"pipe2", merging, "signals that end it"},
        CallRule{"alarm", metrics, "it ends after a forbidden call, whatever happens"},
    });

}  // namespace

std::span<const CallRule> daemon_calls() {
  return rules;
}

}  // namespace samepage::dedup
