// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/device_thread.hpp"

#include <poll.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "base/check.hpp"
#include "base/confinement.hpp"
#include "base/event_fd.hpp"
#include "base/thread_setup.hpp"

namespace samepage::vmm {
DeviceThread::DeviceThread() : stop_(make_event()) {}

DeviceThread::~DeviceThread() {
  stop();
}

void DeviceThread::start(std::vector<ServedDevice> devices, Ended ended) {
  invariant(!thread_.joinable(), "the devices' thread is started twice");
  devices_ = std::move(devices);
  ended_ = std::move(ended);
  thread_ = std::thread([this] { run(); });
}

void DeviceThread::request_stop() {
  signal_event(stop_.get());
}

void DeviceThread::stop() {
  if (!thread_.joinable()) return;
  request_stop();
  thread_.join();
}

void DeviceThread::run() {
  prepare_thread("devices");
  std::string failure;
  try {
    confine_thread(ThreadKind::devices);
    serve_until_stopped();
  } catch (const std::exception& error) {
    failure = error.what();
  }
  if (ended_) ended_(std::move(failure));
}

void DeviceThread::serve_until_stopped() {
  std::vector<pollfd> waits;
  for (;;) {
    waits.assign(1, {stop_.get(), POLLIN, 0});
    for (const ServedDevice& device : devices_) {
      waits.push_back({device.notified, POLLIN, 0});
      waits.push_back({device.transport->device().host_input(), POLLIN, 0});
    }
    if (::poll(waits.data(), waits.size(), -1) < 0) {
      invariant(errno == EINTR || errno == EAGAIN || errno == ENOMEM, "poll of the devices' events");
      continue;
    }
    if (waits[0].revents != 0) return;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      const bool notified = waits[1 + 2 * i].revents != 0;
      // Cleared before the work: a notification that comes meanwhile counts anew.
      if (notified) clear_event(devices_[i].notified);
      if (notified || waits[2 + 2 * i].revents != 0) devices_[i].transport->serve();
    }
  }
}

}  // namespace samepage::vmm
