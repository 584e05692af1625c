// SPDX-License-Identifier: Apache-2.0
#include "base/fault_point.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/check.hpp"
#include "base/standard_output.hpp"

namespace samepage {
namespace {

struct Fault {
  enum class Action : std::uint8_t { kill, delay, error };

  std::string name;
  unsigned nth = 1;
  bool lasts = false;  // not that time alone, but from then on
  Action action = Action::kill;
  int value = 0;  // milliseconds, or an errno
  std::atomic<unsigned> times = 0;
};

constexpr std::array<std::pair<std::string_view, int>, 7> errors{{{"EIO", EIO},
                                                                  {"ENOSPC", ENOSPC},
                                                                  {"ENOMEM", ENOMEM},
                                                                  {"EMFILE", EMFILE},
                                                                  {"EAGAIN", EAGAIN},
                                                                  {"EINTR", EINTR},
                                                                  {"ENOBUFS", ENOBUFS}}};

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

bool read_action(std::string_view text, Fault& fault) {
  constexpr std::string_view delay = "delay=";
  if (text == "kill") return true;
  if (text.starts_with(delay)) {
    const auto milliseconds = number(text.substr(delay.size()));
    fault.action = Fault::Action::delay;
    fault.value = milliseconds.value_or(0);
    return milliseconds.has_value();
  }
  const auto* const error =
      std::find_if(errors.begin(), errors.end(), [&](auto& known) { return known.first == text; });
  if (error == errors.end()) return false;
  fault.action = Fault::Action::error;
  fault.value = error->second;
  return true;
}

void read_fault(std::string_view text, std::deque<Fault>& faults) {
  Fault& fault = faults.emplace_back();
  const std::size_t first = std::min(text.find(':'), text.size());
  const std::size_t second = std::min(text.find(':', first + 1), text.size());
  fault.name = text.substr(0, first);
  std::string_view times = first < text.size() ? text.substr(first + 1, second - first - 1) : "";
  fault.lasts = times.ends_with('+');
  if (fault.lasts) times.remove_suffix(1);
  const auto nth = number(times);
  const bool whole = second < text.size() && read_action(text.substr(second + 1), fault);
  if (!whole || !nth || *nth == 0) {
    throw UserError(
        fmt::format("'{}' is not a fault; use NAME:NTH:ACTION, such as slot-written:1:kill", text));
  }
  fault.nth = static_cast<unsigned>(*nth);
}

std::deque<Fault> read_faults(std::string_view text) {
  std::deque<Fault> faults;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    read_fault(text.substr(0, end), faults);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return faults;
}

std::deque<Fault> faults_of_environment() noexcept {
  const char* const text = std::getenv("SAMEPAGE_FAULT");
  if (!has_fault_points() || text == nullptr) return {};
  try {
    return read_faults(text);
  } catch (const std::exception& error) {
    complain(fmt::format("SAMEPAGE_FAULT: {}", error.what()));
    ::_exit(2);
  }
}

std::deque<Fault>& armed() {
  static std::deque<Fault> faults = faults_of_environment();
  return faults;
}

int act(const Fault& fault) {
  switch (fault.action) {
    case Fault::Action::kill:
      ::raise(SIGKILL);
      break;
    case Fault::Action::delay:
      std::this_thread::sleep_for(std::chrono::milliseconds(fault.value));
      return 0;
    case Fault::Action::error:
      errno = fault.value;
      return fault.value;
  }
  return 0;
}

}  // namespace

bool has_fault_points() noexcept {
  return SAMEPAGE_FAULT_POINTS != 0;
}

int reach_fault_point(std::string_view name) noexcept {
  if (!has_fault_points()) return 0;
  int error = 0;
  for (Fault& fault : armed()) {
    if (fault.name != name) continue;
    const unsigned times = ++fault.times;
    if (times == fault.nth || (fault.lasts && times > fault.nth)) error = act(fault);
  }
  return error;
}

void arm_fault_points(std::string_view faults) {
  std::deque<Fault> read = read_faults(faults);
  armed().swap(read);
}

}  // namespace samepage
