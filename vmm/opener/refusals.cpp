// SPDX-License-Identifier: Apache-2.0
#include "vmm/opener/refusals.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <ctime>

#include "vmm/opener/kernel.hpp"
#include "vmm/opener/path_text.hpp"

namespace samepage::vmm {
namespace {

constexpr unsigned most_in_a_second = 5;

PathText time_text(const timespec& now) {
  using namespace std::chrono;
  const sys_seconds moment{seconds(now.tv_sec)};
  const sys_days day = floor<days>(moment);
  const year_month_day date(day);
  const hh_mm_ss<seconds> time(moment - day);
  const auto number = [](auto value) { return static_cast<std::uint64_t>(value); };
  PathText text;
  text.add(number(static_cast<int>(date.year())), 4).add("-");
  text.add(number(static_cast<unsigned>(date.month())), 2).add("-");
  text.add(number(static_cast<unsigned>(date.day())), 2).add("T");
  text.add(number(time.hours().count()), 2).add(":").add(number(time.minutes().count()), 2).add(":");
  text.add(number(time.seconds().count()), 2).add(".").add(number(now.tv_nsec / 1'000'000), 3).add("Z");
  return text;
}

// A path of the guest's process is one word of a line, whatever is in it.
void add_printable(PathText& line, std::string_view text) {
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    line.add(code < 0x20 || code == 0x7f ? std::string_view(" ") : std::string_view(&c, 1));
  }
}

// Whether a line goes out at once.
bool has_room(int fd) {
  pollfd wait{fd, POLLOUT, 0};
  return kernel::call(SYS_poll, &wait, 1, 0) == 1 && (wait.revents & POLLOUT) != 0;
}

}  // namespace

bool Refusals::too_many(std::int64_t second) {
  if (second != second_) told_ = 0;
  second_ = second;
  return ++told_ > most_in_a_second;
}

void Refusals::tell(std::string_view what, std::string_view path) {
  timespec now{};
  kernel::call(SYS_clock_gettime, CLOCK_REALTIME, &now);
  if (too_many(now.tv_sec)) return;
  PathText line;
  if (place_ == "journal") {
    line.add("<4>").add(name_);
  } else {
    line.add(time_text(now).view()).add(" warning ").add(name_);
  }
  line.add(": its process may not ").add(what).add(" ");
  constexpr std::string_view rest = ", and was refused\n";
  if (line.view().size() + path.size() + rest.size() >= PathText::room) path = "a path that is long";
  add_printable(line, path);
  line.add(rest);
  if (place_.starts_with('/')) {
    constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    const kernel::Fd file(kernel::call(SYS_open, PathText(place_).c_str(), flags, 0600));
    if (file) kernel::call(SYS_write, file.number(), line.c_str(), line.view().size());
  } else if (has_room(STDERR_FILENO)) {
    kernel::call(SYS_write, STDERR_FILENO, line.c_str(), line.view().size());
  }
}

}  // namespace samepage::vmm
