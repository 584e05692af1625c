// SPDX-License-Identifier: Apache-2.0
// A thread that virtio devices of a guest do their work on. It sleeps until a driver notifies (an
// ioeventfd, or a register access that KVM did not take), or a device's host side has input.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "vmm/devices/virtio/mmio_transport.hpp"

namespace samepage::vmm {

/// A device, as the thread sees it; all outlives the thread.
struct ServedDevice {
  MmioTransport* transport = nullptr;
  int notified = -1;  // a non-blocking eventfd
};

class DeviceThread {
 public:
  DeviceThread();
  /// The gate that the devices use must be closed with `stop` before.
  ~DeviceThread();
  DeviceThread(const DeviceThread&) = delete;
  DeviceThread& operator=(const DeviceThread&) = delete;

  /// Called on the thread as the last thing that it does, with what went wrong on the host; empty: it was
  /// stopped.
  using Ended = std::function<void(std::string failure)>;

  /// Starts; once.
  void start(std::vector<ServedDevice> devices, Ended ended = {});
  /// Ends the thread when it has done what it is at; does not wait. Any thread, also before start().
  void request_stop();
  /// Ends the thread and waits for it; may be called more than once.
  void stop();

 private:
  void run();
  void serve_until_stopped();

  std::vector<ServedDevice> devices_;
  Ended ended_;
  UniqueFd stop_;
  std::thread thread_;
};

}  // namespace samepage::vmm
