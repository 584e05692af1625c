// SPDX-License-Identifier: Apache-2.0
#include "tests/vmm/machine/raw_guest.hpp"

#include <fcntl.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/unique_fd.hpp"
#include "tests/vmm/boot/pvh_elf.hpp"

namespace samepage::vmm::test {

TemporaryFile::TemporaryFile(std::span<const std::byte> content) {
  std::string name = std::filesystem::temp_directory_path() / "samepage-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw_errno("mkdtemp");
  directory_ = name;
  std::ofstream file(path(), std::ios::binary);
  // SAFETY: bytes may be read as chars.
  file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
}

TemporaryFile::~TemporaryFile() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::vector<std::byte> raw_image(const std::vector<std::uint8_t>& code, const std::string& data) {
  ElfSegment segment{code_address, code, 0x2000};
  segment.bytes.resize(data_address - code_address, 0xcc);
  segment.bytes.insert(segment.bytes.end(), data.begin(), data.end());
  return PvhElf({segment}).bytes();
}

void RawGuest::SetUp() {
  const UniqueFd kvm(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!kvm) GTEST_SKIP() << "/dev/kvm can't be opened";
}

Machine& RawGuest::make(const std::vector<std::uint8_t>& code, const std::string& data,
                        MachineConfig config) {
  machine_.reset();
  image_ = std::make_unique<TemporaryFile>(raw_image(code, data));
  config.image = image_->path();
  links_.print = [this](std::string_view text) {
    printed_ += text;
    ++writes_;
  };
  return make(config);
}

Machine& RawGuest::make(const MachineConfig& config) {
  machine_.reset();
  chassis_ = std::make_unique<Chassis>(config);
  machine_ = std::make_unique<Machine>(config, GuestImage(config), *chassis_, links_);
  return *machine_;
}

GuestExit end_of(Machine& machine) {
  if (!wait_to_read(machine.ended_fd(), "the end of the guest")) machine.request_stop();
  return machine.wait();
}

GuestExit RawGuest::run(const std::vector<std::uint8_t>& code, const std::string& data,
                        MachineConfig config) {
  Machine& machine = make(code, data, std::move(config));
  machine.start();
  return end_of(machine);
}

std::uint32_t RawGuest::counter() const {
  // SAFETY: aligned, inside RAM, and written by the guest at any time: read atomically.
  auto* word = reinterpret_cast<std::uint32_t*>(machine_->ram().front().host + counter_address);
  return std::atomic_ref(*word).load(std::memory_order_relaxed);
}

bool RawGuest::counts_on() const {
  const std::uint32_t before = counter();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (counter() == before && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  return counter() != before;
}

std::vector<std::uint8_t> counting_code() {
  return {
      0xff, 0x05, 0x00, 0x10, 0x20, 0x00,  // inc dword [0x201000]
      0xeb, 0xf8,                          // jmp back
  };
}

std::vector<std::uint8_t> halting_code() {
  return {
      0xf4,        // hlt
      0xeb, 0xfd,  // jmp back
  };
}

}  // namespace samepage::vmm::test
