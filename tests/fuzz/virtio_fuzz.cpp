// SPDX-License-Identifier: Apache-2.0
// A driver without manners against each of the devices: register writes, descriptors, indices and memory as
// the input says. Whatever it does, the device stays within RAM (FakeRam's and the sanitizers' affair), ends
// its work, and works again after a reset.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

#include "base/check.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/vmm/devices/virtio/fake_driver.hpp"
#include "vmm/devices/virtio/balloon.hpp"
#include "vmm/devices/virtio/block.hpp"
#include "vmm/devices/virtio/pmem.hpp"
#include "vmm/devices/virtio/rng.hpp"
#include "vmm/devices/virtio/virtio_console.hpp"

namespace samepage::vmm::test {
namespace {

using samepage::test::Input;

// A file of 64 sectors for the disks and the persistent memory.
const std::string& file() {
  static const std::string path = [] {
    static const UniqueFd fd = checked_fd(::memfd_create("samepage-fuzz", MFD_CLOEXEC), "memfd_create");
    check(::ftruncate(fd.get(), 64 * 512), "ftruncate");
    return fmt::format("/proc/self/fd/{}", fd.get());
  }();
  return path;
}

std::unique_ptr<VirtioDevice> make_device(unsigned kind) {
  const auto nothing = [] {};
  switch (kind % 6) {
    case 0:
      return std::make_unique<Block>(DiskFile({file(), DiskAccess::read_only}), "fuzz");
    case 1:
      return std::make_unique<Block>(DiskFile({file(), DiskAccess::overlay}), "fuzz");
    case 2:
      return std::make_unique<Rng>();
    case 3:
      return std::make_unique<Balloon>([](std::span<const GfnRange>) {}, nothing);
    case 4: {
      static const PmemFile memory({file(), PmemAccess::read_only, {}});
      return std::make_unique<Pmem>(memory, Gpa{0x1'0000'0000});
    }
    default: {
      auto console = std::make_unique<VirtioConsole>([](std::string_view) {}, nothing);
      console->type(std::as_bytes(std::span(std::string_view("typed ahead"))));
      return console;
    }
  }
}

// Mostly places that matter: the queues' areas, and the data.
std::uint64_t some_address(Input& input) {
  const auto place = input.take<std::uint16_t>();
  switch (input.take<std::uint8_t>() % 8) {
    case 0:
      return input.take<std::uint64_t>();
    case 1:
      return FakeDriver::ram_bytes - place % 64;
    case 2:
      return place;  // the first queue itself
    default:
      return FakeDriver::data + place;
  }
}

void step(Input& input, FakeDriver& driver) {
  const unsigned queues = driver.transport_.state().queues();
  const unsigned queue = input.take<std::uint8_t>() % queues;
  switch (input.take<std::uint8_t>() % 8) {
    case 0:
      return driver.set(input.take<std::uint8_t>() * 4U, input.take<std::uint32_t>());
    case 1:
      static_cast<void>(driver.get(input.take<std::uint8_t>() * 4U));
      return;
    case 2: {
      const std::uint64_t address = input.take<std::uint32_t>() % (FakeDriver::ram_bytes - 8);
      return driver.ram_.put(address, input.take<std::uint64_t>());
    }
    case 3:
    case 4: {
      const FakeDescriptor descriptor{some_address(input), input.take<std::uint16_t>(),
                                      static_cast<std::uint16_t>(input.take<std::uint8_t>() & 7U),
                                      input.take<std::uint8_t>()};
      return driver.put_descriptor(queue, input.take<std::uint8_t>() % 16, descriptor);
    }
    case 5:
      return driver.offer(queue, input.take<std::uint8_t>());
    case 6: {
      std::vector<FakeDescriptor> buffers(1 + input.take<std::uint8_t>() % 4U);
      for (FakeDescriptor& buffer : buffers) {
        buffer.address = some_address(input);
        buffer.length = input.take<std::uint16_t>();
        buffer.flags = static_cast<std::uint16_t>(input.take<std::uint8_t>() & (write_flag | indirect_flag));
      }
      return driver.request(queue, buffers);
    }
    default:
      return driver.serve();
  }
}

// A device that still works says something to a request it can only refuse or answer.
void check_it_works_again(VirtioDevice& device, FakeDriver& driver) {
  driver.start();
  const std::uint64_t data = FakeDriver::data;
  driver.ram_.put(data, std::array<std::uint64_t, 2>{});
  const unsigned queue = device.id() == 3 ? 1 : 0;  // a console receives on its first one
  if (device.id() == 4) {
    driver.request(queue, {{data + 4096, 16, write_flag}});
  } else {
    driver.request(queue, {{data, 16}, {data + 4096, 513, write_flag}});
  }
  driver.serve();
  if (driver.finished(queue) == 0) std::abort();
}

}  // namespace
}  // namespace samepage::vmm::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samepage::vmm::test;
  Input input(data, size);
  const auto device = make_device(input.take<std::uint8_t>());
  FakeDriver driver(*device);
  driver.start(input.take<std::uint8_t>() % 4 == 0 ? samepage::vmm::feature_event_index : 0);
  while (!input.empty()) step(input, driver);
  driver.serve();
  check_it_works_again(*device, driver);
  return 0;
}
