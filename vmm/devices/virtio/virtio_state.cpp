// SPDX-License-Identifier: Apache-2.0
// The steps of a device towards its driver. Long because every way out of a visit keeps the same promise
// about interrupts and queues that were reset meanwhile.
#include "vmm/devices/virtio/virtio_state.hpp"

#include <algorithm>

namespace samepage::vmm {

/// One visit to guest memory: inside the gate, with the lock.
class VirtioState::Visit {
 public:
  explicit Visit(VirtioState& state) : state_(state), inside_(state.gate_.enter()) {
    if (inside_) state_.mutex_.lock();
  }
  ~Visit() {
    if (!inside_) return;
    state_.mutex_.unlock();
    state_.gate_.leave();
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  explicit operator bool() const { return inside_ && state_.works(); }

 private:
  VirtioState& state_;
  bool inside_;
};

namespace {

// Calls copy(guest bytes, offset in the data) for the part [offset, offset + size) of the buffers. False when
// they are shorter.
template <typename Copy>
bool for_each_part(const GuestRam& ram, const std::vector<GuestBuffer>& buffers, std::uint64_t offset,
                   std::size_t size, Copy copy) {
  std::size_t done = 0;
  for (const GuestBuffer& buffer : buffers) {
    if (done == size) break;
    if (offset >= buffer.length) {
      offset -= buffer.length;
      continue;
    }
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.length - offset, size - done));
    const auto bytes = ram.at(buffer.address + offset, part);
    if (!bytes) return false;
    copy(*bytes, done);
    done += part;
    offset = 0;
  }
  return done == size;
}

}  // namespace

VirtioState::VirtioState(const GuestRam& ram, DeviceGate& gate, std::function<void()> raise,
                         std::uint64_t features, std::span<const std::uint16_t> queue_sizes)
    : ram_(ram),
      gate_(gate),
      raise_(std::move(raise)),
      offered_(features | feature_indirect | feature_event_index | feature_version_1) {
  for (const std::uint16_t size : queue_sizes) queues_.push_back({size, {}, std::nullopt});
}

std::uint32_t VirtioState::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void VirtioState::reset() {
  status_ = 0;
  accepted_ = 0;
  causes_ = 0;
  for (Queue& queue : queues_) {
    queue.ring.reset();
    queue.place = {};
  }
}

bool VirtioState::set_status(std::uint32_t status) {
  const std::lock_guard lock(mutex_);
  if (status == 0) {
    reset();
    return false;
  }
  const std::uint32_t added = status & ~status_;
  status_ |= status & (acknowledge | driver | driver_ok | features_ok | failed);
  if ((added & features_ok) != 0) {
    // A driver that takes what was not offered, or wants to be older than version 1, is told so by the bit
    // staying clear (virtio 1.2, 3.1.1, 6.2).
    const bool fine = (accepted_ & ~offered_) == 0 && (accepted_ & feature_version_1) != 0;
    if (!fine) status_ &= ~std::uint32_t{features_ok};
  }
  return (added & driver_ok) != 0 && works();
}

void VirtioState::set_features_half(unsigned half, std::uint32_t bits) {
  const std::lock_guard lock(mutex_);
  if (half > 1 || (status_ & features_ok) != 0) return;
  const unsigned shift = 32 * half;
  accepted_ = (accepted_ & ~(std::uint64_t{0xffff'ffff} << shift)) | std::uint64_t{bits} << shift;
}

void VirtioState::edit_place(unsigned queue, const std::function<void(QueuePlace&)>& edit) {
  const std::lock_guard lock(mutex_);
  if (!queues_[queue].ring) edit(queues_[queue].place);
}

void VirtioState::set_ready(unsigned index, bool ready) {
  const std::lock_guard lock(mutex_);
  Queue& queue = queues_[index];
  if (!ready) return queue.ring.reset();
  if (queue.ring || (status_ & features_ok) == 0) return;
  if (queue.place.size > queue.max_size || Virtqueue::check(queue.place, ram_)) return fail_locked();
  queue.epoch = ++epochs_;
  queue.ring.emplace(queue.place, queue_features());
}

QueueFeatures VirtioState::queue_features() const {
  return {(accepted_ & feature_indirect) != 0, (accepted_ & feature_event_index) != 0};
}

bool VirtioState::ready(unsigned queue) const {
  const std::lock_guard lock(mutex_);
  return queues_[queue].ring.has_value();
}

std::uint32_t VirtioState::interrupt_causes() const {
  const std::lock_guard lock(mutex_);
  return causes_;
}

void VirtioState::acknowledge_interrupt(std::uint32_t causes) {
  const std::lock_guard lock(mutex_);
  causes_ &= ~causes;
}

std::uint32_t VirtioState::configuration_generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

bool VirtioState::stands(const Chain& chain) const {
  const Queue& queue = queues_[chain.queue];
  return queue.ring && queue.epoch == chain.epoch;
}

bool VirtioState::works() const {
  return (status_ & (driver_ok | needs_reset | failed)) == driver_ok && (status_ & features_ok) != 0;
}

bool VirtioState::negotiated(std::uint64_t feature) const {
  const std::lock_guard lock(mutex_);
  return (accepted_ & feature) != 0;
}

bool VirtioState::running() const {
  const std::lock_guard lock(mutex_);
  return works();
}

bool VirtioState::take(unsigned queue, Chain& chain) {
  const Visit visit(*this);
  if (!visit || !queues_[queue].ring) return false;
  chain.queue = queue;
  chain.epoch = queues_[queue].epoch;
  const Virtqueue::Taken taken = queues_[queue].ring->take(ram_, chain);
  if (taken == Virtqueue::Taken::fault) fail_locked();
  return taken == Virtqueue::Taken::chain;
}

bool VirtioState::copy_from(const Chain& chain, std::uint64_t offset, std::span<std::byte> to) {
  const Visit visit(*this);
  if (!visit || !stands(chain)) return false;
  return for_each_part(ram_, chain.readable, offset, to.size(),
                       [&](std::span<std::byte> guest, std::size_t at) {
                         std::memcpy(to.data() + at, guest.data(), guest.size());
                       });
}

bool VirtioState::copy_to(const Chain& chain, std::uint64_t offset, std::span<const std::byte> from) {
  const Visit visit(*this);
  if (!visit || !stands(chain)) return false;
  return for_each_part(ram_, chain.writable, offset, from.size(),
                       [&](std::span<std::byte> guest, std::size_t at) {
                         std::memcpy(guest.data(), from.data() + at, guest.size());
                       });
}

void VirtioState::finish(const Chain& chain, std::uint64_t written, const std::function<void()>& along) {
  const Visit visit(*this);
  if (!visit || !stands(chain)) return;
  Virtqueue& ring = *queues_[chain.queue].ring;
  ring.finish(ram_, chain.head, static_cast<std::uint32_t>(std::min(written, chain.writable_bytes)));
  if (along) along();
  if (ring.wants_interrupt(ram_)) interrupt(used_buffer);
}

void VirtioState::configuration_changed() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  if (works()) interrupt(configuration_change);
}

void VirtioState::fail() {
  const std::lock_guard lock(mutex_);
  fail_locked();
}

void VirtioState::fail_locked() {
  const bool tell = (status_ & driver_ok) != 0;
  status_ |= needs_reset;
  if (tell) interrupt(configuration_change);
}

void VirtioState::interrupt(Cause cause) {
  causes_ |= cause;
  raise_();
}

VirtioRegisters VirtioState::save() const {
  const std::lock_guard lock(mutex_);
  VirtioRegisters registers{status_, accepted_, causes_, generation_, {}};
  for (const Queue& queue : queues_) {
    registers.queues.push_back(
        {queue.place, queue.ring.has_value(), queue.ring ? queue.ring->progress() : QueueProgress{}});
  }
  return registers;
}

std::optional<std::string_view> VirtioState::fault_of(const VirtioRegisters& registers) const {
  constexpr std::uint32_t known = acknowledge | driver | driver_ok | features_ok | needs_reset | failed;
  if ((registers.status & ~known) != 0) return "its status has bits that there are not";
  if ((registers.interrupt_causes & ~std::uint32_t{used_buffer | configuration_change}) != 0) {
    return "it interrupts for reasons that there are not";
  }
  const bool settled = (registers.status & features_ok) != 0;
  if (settled && (registers.accepted_features & ~offered_) != 0) {
    return "its driver uses features that it does not have here";
  }
  if (registers.queues.size() != queues_.size()) return "it has another number of queues here";
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    const QueueState& queue = registers.queues[i];
    if (!queue.ready) continue;
    if (!settled) return "a queue is ready before the features are settled";
    if (queue.place.size > queues_[i].max_size) return "a queue is longer than it can be here";
    if (const auto fault = Virtqueue::check(queue.place, ram_)) return describe(*fault);
  }
  return std::nullopt;
}

std::optional<std::string_view> VirtioState::restore(const VirtioRegisters& registers) {
  const std::lock_guard lock(mutex_);
  if (const auto fault = fault_of(registers)) return fault;
  status_ = registers.status;
  accepted_ = registers.accepted_features;
  causes_ = registers.interrupt_causes;
  generation_ = registers.configuration_generation;
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    const QueueState& saved = registers.queues[i];
    Queue& queue = queues_[i];
    queue.place = saved.place;
    queue.ring.reset();
    if (!saved.ready) continue;
    queue.epoch = ++epochs_;
    queue.ring.emplace(queue.place, queue_features(), saved.progress);
  }
  return std::nullopt;
}

void VirtioState::repeat_interrupt() {
  const std::lock_guard lock(mutex_);
  if (causes_ != 0) raise_();
}

}  // namespace samepage::vmm
