// SPDX-License-Identifier: Apache-2.0
// A path or a line that is put together without memory of its own. What does not fit makes it unusable, and
// does not cut it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace samepage::vmm {

class PathText {
 public:
  static constexpr std::size_t room = 1024;  // with the zero behind it

  PathText() { bytes_[0] = '\0'; }
  /// Not explicit: it is the text.
  PathText(std::string_view text) : PathText() { add(text); }

  PathText& add(std::string_view text) {
    if (text.size() >= room - size_) {
      fits_ = false;
      return *this;
    }
    for (const char c : text) bytes_[size_++] = c;
    bytes_[size_] = '\0';
    return *this;
  }
  /// With zeros before it up to `digits`.
  PathText& add(std::uint64_t number, std::size_t digits = 1) {
    std::array<char, 20> text{};
    std::size_t at = text.size();
    for (; number != 0 || text.size() - at < digits; number /= 10)
      text[--at] = static_cast<char>('0' + number % 10);
    return add(std::string_view(text.data() + at, text.size() - at));
  }

  [[nodiscard]] bool fits() const { return fits_; }
  [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }
  [[nodiscard]] const char* c_str() const { return bytes_.data(); }
  friend bool operator==(const PathText& a, const PathText& b) {
    return a.fits_ == b.fits_ && a.view() == b.view();
  }

 private:
  std::array<char, room> bytes_;  // not all of it is written: that is pages of a stack
  std::size_t size_ = 0;
  bool fits_ = true;
};

}  // namespace samepage::vmm
