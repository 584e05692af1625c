// SPDX-License-Identifier: Apache-2.0
// Guests of a few bytes of 32-bit code, started as PVH leaves them: protected mode, flat segments, ebx = the
// start info.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/base/wait_until.hpp"
#include "vmm/machine/machine.hpp"

namespace samepage::vmm::test {

inline constexpr std::uint32_t code_address = 0x20'0000;
inline constexpr std::uint32_t data_address = 0x20'0800;
inline constexpr std::uint32_t counter_address = 0x20'1000;  // in the bss

/// A file in a directory of its own, removed with it.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::span<const std::byte> content);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] std::string path() const { return directory_ / "file"; }

 private:
  std::filesystem::path directory_;
};

/// An image of `code` at code_address and `data` at data_address, with room for a counter.
std::vector<std::byte> raw_image(const std::vector<std::uint8_t>& code, const std::string& data = "");

/// Waits for the guest's end. One that does not end fails the test and is stopped.
GuestExit end_of(Machine& machine);

/// One test with a guest; skipped where /dev/kvm can't be opened.
class RawGuest : public testing::Test {
 protected:
  void SetUp() override;
  /// Builds a machine with `config`, whose image is `code`.
  Machine& make(const std::vector<std::uint8_t>& code, const std::string& data = "",
                MachineConfig config = {});
  /// Builds one with an image of the caller's.
  Machine& make(const MachineConfig& config);
  /// Builds it, runs it to its end.
  GuestExit run(const std::vector<std::uint8_t>& code, const std::string& data = "",
                MachineConfig config = {});

  [[nodiscard]] GuestGate& gate() const { return chassis_->gate; }
  [[nodiscard]] std::uint32_t counter() const;
  /// Waits until the guest's counter changes; false when it does not.
  [[nodiscard]] bool counts_on() const;

  std::string printed_;
  int writes_ = 0;
  std::unique_ptr<TemporaryFile> image_;
  MachineLinks links_;  // for the next machine
  std::unique_ptr<Chassis> chassis_;
  std::unique_ptr<Machine> machine_;
};

/// Code that counts at counter_address for ever, and code that waits for ever.
std::vector<std::uint8_t> counting_code();
std::vector<std::uint8_t> halting_code();

}  // namespace samepage::vmm::test
