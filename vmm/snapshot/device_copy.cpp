// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/device_copy.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/open_again.hpp"
#include "vmm/devices/virtio/written_content.hpp"

namespace samepage::vmm {

DeviceCopy::DeviceCopy(const GuestFiles& files, int fd, std::uint64_t offset) : fd_(fd), end_(offset) {
  for (std::size_t i = 0; i < files.pmems.size(); ++i) {
    const PmemFile& file = *files.pmems[i];
    if (file.access() != PmemAccess::copied) continue;
    if (fd_ < 0) {
      own_ = checked_fd(::memfd_create("samepage-fork-pmem", MFD_CLOEXEC), "memfd_create");
      fd_ = own_.get();
    }
    memories_.push_back({static_cast<std::uint32_t>(i), std::make_unique<PmemCopy>(file, fd_, end_)});
    end_ += file.bytes().size();
  }
  for (std::size_t i = 0; i < files.disks.size(); ++i) {
    if (DiskOverlay* const overlay = files.disks[i]->overlay(); overlay != nullptr) {
      disks_.push_back({static_cast<std::uint32_t>(i), overlay});
    }
  }
}

void DeviceCopy::copy_running() {
  for (const Disk& disk : disks_) disk.overlay->prepare();
  for (const Memory& memory : memories_) memory.copy->copy_running();
}

void DeviceCopy::copy_held() {
  for (const Memory& memory : memories_) memory.copy->copy_held();
  for (const Disk& disk : disks_) disk.overlay->freeze();
}

std::vector<WrittenDevice> DeviceCopy::into_file(std::uint64_t& end) {
  std::vector<WrittenDevice> devices;
  end = end_;
  for (const Disk& disk : disks_) {
    const WrittenContent content = disk.overlay->frozen();
    WrittenDevice device{WrittenDevice::Kind::disk, disk.number, content.runs};
    for (WrittenRun& run : device.runs) {
      copy_bytes(content.files[run.file]->get(), run.at, fd_, end, run.count);
      run.file = 0;
      run.at = end;
      end += run.count;
    }
    devices.push_back(std::move(device));
  }
  for (const Memory& memory : memories_) {
    devices.push_back({WrittenDevice::Kind::pmem, memory.number, memory.copy->runs(0)});
  }
  return devices;
}

std::vector<WrittenDevice> DeviceCopy::apart(std::vector<FrozenFile>& files) {
  std::vector<WrittenDevice> devices;
  for (const Disk& disk : disks_) {
    WrittenContent content = disk.overlay->frozen();
    const auto first = static_cast<std::uint32_t>(files.size());
    for (WrittenRun& run : content.runs) run.file += first;
    files.insert(files.end(), content.files.begin(), content.files.end());
    devices.push_back({WrittenDevice::Kind::disk, disk.number, std::move(content.runs)});
  }
  if (memories_.empty()) return devices;
  const auto number = static_cast<std::uint32_t>(files.size());
  files.push_back(std::make_shared<const UniqueFd>(open_to_read(fd_, "open of what a guest has written")));
  for (const Memory& memory : memories_) {
    devices.push_back({WrittenDevice::Kind::pmem, memory.number, memory.copy->runs(number)});
  }
  return devices;
}

}  // namespace samepage::vmm
