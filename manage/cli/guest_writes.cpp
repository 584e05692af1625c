// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/guest_writes.hpp"

#include <poll.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>

#include "base/check.hpp"
#include "manage/cli/file_progress.hpp"
#include "manage/cli/interrupted.hpp"

namespace samepage::cli {

vmm::ControlAnswer let_guest_write(const GuestConnection& guest, const nlohmann::json& request,
                                   std::span<const int> files, const vmm::StopSignals& signals) {
  if (!vmm::send_request(guest.socket.get(), request, files)) return accepted_answer(guest, std::nullopt);
  FileProgress progress(std::chrono::seconds(10), FileProgress::Clock::now());
  for (;;) {
    std::array<pollfd, 2> waits{pollfd{guest.socket.get(), POLLIN, 0}, pollfd{signals.fd(), POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), 500) < 0 && errno != EINTR) throw_errno("poll");
    if (const int signal = signals.take(); signal != 0) throw Interrupted{signal};
    if (waits[0].revents != 0) break;
    struct stat info {};
    check(::fstat(files.front(), &info), "fstat of the file that a guest writes");
    if (progress.stalled(info, FileProgress::Clock::now())) return accepted_answer(guest, std::nullopt);
  }
  const auto deadline = std::chrono::steady_clock::now() + answer_patience;
  return accepted_answer(guest, vmm::receive_answer(guest.socket.get(), deadline));
}

}  // namespace samepage::cli
