// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/written_device.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"
#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "vmm/devices/virtio/sector_set.hpp"

namespace samepage::vmm {
namespace {

bool makes_sense(const WrittenRun& run, std::uint64_t granularity, const WrittenPlace& place) {
  constexpr std::uint64_t most = std::uint64_t{1} << 62U;  // so that no sum is beyond what there is
  if (run.count == 0 || run.first > most || run.count > most || run.at > most) return false;
  if (run.first % granularity != 0 || run.count % granularity != 0 || run.at % granularity != 0) return false;
  return run.file < place.files && run.at >= place.first && run.at + run.count <= place.end;
}

class Numbers {
 public:
  explicit Numbers(const std::string& bytes) : rest_(std::as_bytes(std::span(bytes))) {}
  template <typename Value>
  Value next() {
    if (rest_.size() < sizeof(Value)) throw UserError("it is damaged: its list of devices ends too early");
    const auto value = read_value<Value>(rest_);
    rest_ = rest_.subspan(sizeof(Value));
    return value;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::span<const std::byte> rest_;
};

}  // namespace

std::string bytes_of(const WrittenDevices& devices) {
  ByteWriter bytes;
  bytes.put(devices.files).put(devices.checksum).put(std::uint64_t{devices.list.size()});
  for (const WrittenDevice& device : devices.list) {
    bytes.put(static_cast<std::uint8_t>(device.kind)).put(device.number);
    bytes.put(std::uint64_t{device.runs.size()});
    for (const WrittenRun& run : device.runs) bytes.put(run.first).put(run.count).put(run.file).put(run.at);
  }
  const std::vector<std::byte> all = bytes.take();
  std::string text(all.size(), '\0');
  std::memcpy(text.data(), all.data(), all.size());
  return text;
}

WrittenDevices written_devices_of(const std::string& bytes) {
  if (bytes.empty()) return {};
  Numbers numbers(bytes);
  WrittenDevices devices;
  devices.files = numbers.next<std::uint64_t>();
  devices.checksum = numbers.next<std::uint64_t>();
  const auto count = numbers.next<std::uint64_t>();
  for (std::uint64_t i = 0; i < count; ++i) {
    WrittenDevice device;
    device.kind = static_cast<WrittenDevice::Kind>(numbers.next<std::uint8_t>());
    device.number = numbers.next<std::uint32_t>();
    const auto runs = numbers.next<std::uint64_t>();
    for (std::uint64_t run = 0; run < runs; ++run) {
      const auto first = numbers.next<std::uint64_t>();
      const auto bytes_in_run = numbers.next<std::uint64_t>();
      const auto file = numbers.next<std::uint32_t>();
      device.runs.push_back({first, bytes_in_run, file, numbers.next<std::uint64_t>()});
    }
    devices.list.push_back(std::move(device));
  }
  if (!numbers.at_end()) throw UserError("it is damaged: there is something behind its list of devices");
  return devices;
}

bool makes_sense(std::span<const WrittenDevice> devices, const WrittenPlace& place) {
  const auto order = [](const WrittenDevice& device) { return std::pair(device.kind, device.number); };
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const WrittenDevice& device = devices[i];
    if (device.kind != WrittenDevice::Kind::disk && device.kind != WrittenDevice::Kind::pmem) return false;
    if (i != 0 && order(devices[i - 1]) >= order(device)) return false;
    const std::uint64_t granularity = device.kind == WrittenDevice::Kind::pmem ? page_size : sector_bytes;
    std::uint64_t next = 0;
    for (const WrittenRun& run : device.runs) {
      if (run.first < next || !makes_sense(run, granularity, place)) return false;
      next = run.end();
    }
  }
  return true;
}

std::uint64_t checksum_of(int fd, std::span<const WrittenDevice> devices) {
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(),
                                                                              XXH3_freeState);
  XXH3_64bits_reset(state.get());
  std::vector<std::byte> buffer(std::size_t{1} << 20U);
  for (const WrittenDevice& device : devices) {
    for (WrittenRun run : device.runs) {
      while (run.count != 0) {
        const auto part = std::span(buffer).first(std::min<std::uint64_t>(run.count, buffer.size()));
        const auto got = static_cast<std::size_t>(
            check(read_fully(fd, run.at, part), "read of what the guest has written"));
        XXH3_64bits_update(state.get(), part.data(), got);
        if (got != part.size()) break;  // it has been cut short: a wrong checksum
        run.at += got;
        run.count -= got;
      }
    }
  }
  return XXH3_64bits_digest(state.get());
}

}  // namespace samepage::vmm
