// SPDX-License-Identifier: Apache-2.0
// One function to read and one to set for each set of registers, in the order in which KVM wants them.
// Long because there are that many.
#include "vmm/kvm/vcpu_state.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "base/check.hpp"
#include "vmm/kvm/msr_list.hpp"

namespace samepage::vmm {
namespace {

// The kernel's structures of these end in flexible arrays (cpuid_table.hpp): here are the right numbers.
constexpr unsigned long get_xsave = 0x9000'aea4;
constexpr unsigned long set_xsave = 0x5000'aea5;
constexpr unsigned long get_xsave2 = 0x9000'aecf;

constexpr std::uint32_t tsc_msr = 0x10;
constexpr std::uint32_t tsc_deadline_msr = 0x6e0;

[[noreturn]] void cannot(std::string_view verb, std::string_view set, std::string_view why) {
  throw UserError(fmt::format("cannot {} a vCPU's {}: {}", verb, set, why));
}

template <typename Kernel>
void get(int fd, unsigned long call, KernelValue<Kernel>& value, std::string_view set) {
  if (::ioctl(fd, call, static_cast<Kernel*>(&value)) < 0) cannot("save", set, std::strerror(errno));
}
template <typename Kernel>
void put(int fd, unsigned long call, const KernelValue<Kernel>& value, std::string_view set) {
  if (::ioctl(fd, call, static_cast<const Kernel*>(&value)) < 0) {
    cannot("restore", set, std::strerror(errno));
  }
}

// --- Special registers
// -------------------------------------------------------------------------------------- Before Linux 5.14
// there is KVM_GET_SREGS alone, the same up to the interrupt that is being injected (which the events have,
// too); what is new (the PDPTRs) KVM then reads from the guest's memory.
constexpr std::size_t common_sregs = offsetof(kvm_sregs, interrupt_bitmap);
static_assert(offsetof(kvm_sregs2, flags) == common_sregs);

bool lacks_sregs2(int error) {
  return error == ENOTTY || error == EINVAL;
}

void get_sregs(int fd, KernelValue<kvm_sregs2>& value) {
  if (::ioctl(fd, KVM_GET_SREGS2, static_cast<kvm_sregs2*>(&value)) == 0) return;
  KernelValue<kvm_sregs> old{};
  if (!lacks_sregs2(errno)) cannot("save", "special registers", std::strerror(errno));
  get(fd, KVM_GET_SREGS, old, "special registers");
  value = {};
  std::memcpy(static_cast<kvm_sregs2*>(&value), &old, common_sregs);
}

void put_sregs(int fd, const KernelValue<kvm_sregs2>& value) {
  if (::ioctl(fd, KVM_SET_SREGS2, static_cast<const kvm_sregs2*>(&value)) == 0) return;
  if (errno != ENOTTY) cannot("restore", "special registers", std::strerror(errno));
  KernelValue<kvm_sregs> old{};
  std::memcpy(static_cast<kvm_sregs*>(&old), &value, common_sregs);
  put(fd, KVM_SET_SREGS, old, "special registers");
}

// --- FPU
// ----------------------------------------------------------------------------------------------------
void get_fpu(const Vcpu& vcpu, std::vector<std::uint8_t>& area) {
  area.assign(vcpu.layout().xsave_bytes, 0);
  const unsigned long call = area.size() > VcpuLayout::least_xsave_bytes ? get_xsave2 : get_xsave;
  if (::ioctl(vcpu.fd(), call, area.data()) < 0) cannot("save", "FPU", std::strerror(errno));
}

void put_fpu(const Vcpu& vcpu, const std::vector<std::uint8_t>& area) {
  if (area.size() != vcpu.layout().xsave_bytes) cannot("restore", "FPU", "it has another size on this host");
  if (::ioctl(vcpu.fd(), set_xsave, area.data()) < 0) cannot("restore", "FPU", std::strerror(errno));
}

// --- MSRs
// ---------------------------------------------------------------------------------------------------
constexpr bool is_hyperv(std::uint32_t index) {
  return index >= 0x4000'0000 && index < 0x4000'1000;
}

// KVM stops at the first one that it can't read: the vCPU does not have it.
std::vector<Msr> get_msrs(const Vcpu& vcpu, std::span<const std::uint32_t> wanted) {
  std::vector<Msr> msrs;
  msrs.reserve(wanted.size());
  MsrList list;
  for (std::size_t next = 0; next < wanted.size();) {
    const auto part = wanted.subspan(next, std::min(wanted.size() - next, list.entries.size()));
    list.header.count = static_cast<std::uint32_t>(part.size());
    for (std::size_t i = 0; i < part.size(); ++i) list.entries[i] = {part[i], 0, 0};
    const int read = ::ioctl(vcpu.fd(), get_msrs_call, &list);
    if (read < 0) cannot("save", "MSRs", std::strerror(errno));
    const auto got = static_cast<std::size_t>(read);
    for (std::size_t i = 0; i < got; ++i) msrs.push_back({list.entries[i].index, list.entries[i].data});
    next += got < part.size() ? got + 1 : got;
  }
  return msrs;
}

std::string name_of(const Msr& msr) {
  return fmt::format("MSR {:#x} (value {:#x})", msr.index, msr.value);
}

// One that is refused although it has the value already, such as a read-only one, is as it should be.
void put_msrs(Vcpu& vcpu, std::span<const Msr> msrs) {
  MsrList list;
  for (std::size_t next = 0; next < msrs.size();) {
    const auto part = msrs.subspan(next, std::min(msrs.size() - next, list.entries.size()));
    list.header.count = static_cast<std::uint32_t>(part.size());
    for (std::size_t i = 0; i < part.size(); ++i) list.entries[i] = {part[i].index, 0, part[i].value};
    const int set = ::ioctl(vcpu.fd(), set_msrs_call, &list);
    if (set < 0) cannot("restore", "MSRs", std::strerror(errno));
    next += static_cast<std::size_t>(set);
    if (static_cast<std::size_t>(set) == part.size()) continue;
    const Msr& refused = msrs[next++];
    if (get_msrs(vcpu, std::array{refused.index}) != std::vector{refused}) {
      cannot("restore", name_of(refused), "this KVM refuses it");
    }
  }
}

// --- Time-stamp counter
// ------------------------------------------------------------------------------------- Before Linux 5.16
// there is the MSR alone: then the offset is right up to the time of a system call.
constexpr std::string_view time_stamp_counter = "time-stamp counter";

kvm_device_attr offset_attribute(std::uint64_t& offset) {
  kvm_device_attr attribute{};
  attribute.group = KVM_VCPU_TSC_CTRL;
  attribute.attr = KVM_VCPU_TSC_OFFSET;
  // SAFETY: the kernel takes this process's address as a number, for the time of one call.
  attribute.addr = reinterpret_cast<std::uintptr_t>(&offset);
  return attribute;
}

bool has_offset(const Vcpu& vcpu) {
  std::uint64_t offset = 0;
  const kvm_device_attr attribute = offset_attribute(offset);
  return ::ioctl(vcpu.fd(), KVM_HAS_DEVICE_ATTR, &attribute) == 0;
}

std::uint64_t tsc_offset(const Vcpu& vcpu) {
  std::uint64_t offset = 0;
  if (has_offset(vcpu)) {
    const kvm_device_attr attribute = offset_attribute(offset);
    if (::ioctl(vcpu.fd(), KVM_GET_DEVICE_ATTR, &attribute) < 0) {
      cannot("save", time_stamp_counter, std::strerror(errno));
    }
    return offset;
  }
  const std::vector<Msr> guest = get_msrs(vcpu, std::array{tsc_msr});
  if (guest.empty()) cannot("save", time_stamp_counter, "this KVM can't read it");
  return guest.front().value - __rdtsc();
}

void put_tsc(Vcpu& vcpu, const TscState& tsc, std::uint64_t shift) {
  if (tsc.khz != 0 && tsc.khz != vcpu.tsc_khz() &&
      ::ioctl(vcpu.fd(), KVM_SET_TSC_KHZ, static_cast<unsigned long>(tsc.khz)) < 0) {
    cannot("restore", time_stamp_counter,
           fmt::format("it ran at {} kHz; this host's runs at {} kHz, and its KVM can't scale it", tsc.khz,
                       vcpu.tsc_khz()));
  }
  std::uint64_t wanted = tsc.offset + shift;
  if (!has_offset(vcpu)) return put_msrs(vcpu, std::array{Msr{tsc_msr, __rdtsc() + wanted}});
  const std::uint64_t asked = wanted;
  const kvm_device_attr attribute = offset_attribute(wanted);
  if (::ioctl(vcpu.fd(), KVM_SET_DEVICE_ATTR, &attribute) < 0) {
    cannot("restore", time_stamp_counter, std::strerror(errno));
  }
  if (tsc_offset(vcpu) != asked) {
    cannot("restore", time_stamp_counter, "this KVM gives every guest the host's, which has gone on");
  }
}

bool is_same(std::span<const kvm_cpuid_entry2> a, std::span<const kvm_cpuid_entry2> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return std::memcmp(&one, &other, sizeof(one)) == 0;
  });
}

// --- What was set, read back
// -------------------------------------------------------------------------------- The registers of the LAPIC
// that go on by themselves once they are set: the timer's count, what it requests and what depends on that.
void leave_out_running(kvm_lapic_state& lapic) {
  const auto clear = [&](std::size_t first, std::size_t bytes) { std::memset(lapic.regs + first, 0, bytes); };
  clear(0xa0, 16);    // PPR
  clear(0x200, 128);  // IRR
  clear(0x390, 16);   // timer's current count
}

// AMD's processors have no SYSENTER in 64-bit mode, and KVM keeps the 32 bits of its stack and entry that
// matter in the other ones.
constexpr std::uint32_t sysenter_esp_msr = 0x175, sysenter_eip_msr = 0x176;

bool is_amds(const VcpuState& state) {
  constexpr std::uint32_t authentic_amd = 0x6874'7541, hygon_genuine = 0x6f67'7948;  // "Auth", "Hygo"
  return std::any_of(state.cpuid.begin(), state.cpuid.end(), [](const kvm_cpuid_entry2& entry) {
    return entry.function == 0 && (entry.ebx == authentic_amd || entry.ebx == hygon_genuine);
  });
}

bool is_kept(const Msr& asked, const Msr& kept, bool amds) {
  if (asked == kept || asked.index == tsc_deadline_msr) return true;
  const bool sysenter = asked.index == sysenter_esp_msr || asked.index == sysenter_eip_msr;
  return amds && sysenter && asked.index == kept.index && ((asked.value ^ kept.value) & 0xffff'ffff) == 0;
}

void require_kept(const Vcpu& vcpu, VcpuState asked, std::span<const std::uint32_t> msrs) {
  VcpuState kept = save(vcpu, msrs);
  const auto require = [](bool same, std::string_view set) {
    if (!same) cannot("restore", set, "this KVM does not keep what it was given");
  };
  require(kept.mp_state == asked.mp_state, "run state");
  require(kept.regs == asked.regs, "registers");
  require(kept.sregs == asked.sregs, "special registers");
  require(kept.xsave == asked.xsave, "FPU");
  require(kept.xcrs == asked.xcrs, "extended control registers");
  require(kept.debug == asked.debug, "debug registers");
  leave_out_running(kept.lapic);
  leave_out_running(asked.lapic);
  require(kept.lapic == asked.lapic, "local APIC");
  // AMD's processors have one shadow for both of its causes, and KVM tells both.
  const auto in_shadow = [](auto& events) { return std::exchange(events.interrupt.shadow, 0) != 0; };
  const bool shadow_kept = in_shadow(kept.events) == in_shadow(asked.events);
  require(shadow_kept && kept.events == asked.events, "events");
  require(kept.msrs.size() == asked.msrs.size(), "MSRs");
  const bool amds = is_amds(asked);
  for (std::size_t i = 0; i < asked.msrs.size(); ++i) {
    const Msr& msr = asked.msrs[i];
    require(is_kept(msr, kept.msrs[i], amds), name_of(msr));
  }
}

}  // namespace

std::vector<std::uint32_t> state_msrs(const Kvm& kvm) {
  std::vector<std::uint32_t> msrs = kvm.msr_indexes();
  const auto add = [&](std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t index = first; index != first + count; ++index) msrs.push_back(index);
  };
  add(0x200, 16);  // MTRRs: variable ranges,
  add(0x250, 1);   // fixed ranges,
  add(0x258, 2);
  add(0x268, 8);
  add(0x2ff, 1);       // default type
  add(0x400, 4 * 32);  // machine checks: control, status, address and more of each bank
  add(0x280, 32);      // and its second control
  add(tsc_deadline_msr, 1);
  std::erase_if(msrs, [](std::uint32_t index) { return index == tsc_msr || is_hyperv(index); });
  std::sort(msrs.begin(), msrs.end());
  msrs.erase(std::unique(msrs.begin(), msrs.end()), msrs.end());
  return msrs;
}

// The run state comes first: reading it makes KVM carry out an INIT or SIPI that is pending, which changes
// the rest.
VcpuState save(const Vcpu& vcpu, std::span<const std::uint32_t> msrs) {
  VcpuState state;
  const int fd = vcpu.fd();
  for (const kvm_cpuid_entry2& entry : vcpu.cpuid()) state.cpuid.push_back({entry});
  get(fd, KVM_GET_MP_STATE, state.mp_state, "run state");
  get(fd, KVM_GET_REGS, state.regs, "registers");
  get_sregs(fd, state.sregs);
  get_fpu(vcpu, state.xsave);
  if (vcpu.layout().xcrs) get(fd, KVM_GET_XCRS, state.xcrs, "extended control registers");
  get(fd, KVM_GET_DEBUGREGS, state.debug, "debug registers");
  get(fd, KVM_GET_LAPIC, state.lapic, "local APIC");
  state.msrs = get_msrs(vcpu, msrs);
  get(fd, KVM_GET_VCPU_EVENTS, state.events, "events");
  state.tsc = {vcpu.tsc_khz(), tsc_offset(vcpu)};
  return state;
}

// CPUID decides which bits the others may have. The special registers switch the LAPIC's mode, the LAPIC has
// the mode of its timer, and the deadline of that is a time of the TSC. A vCPU that
// is set to where a reset leaves it runs, so the run state comes behind the registers. Setting these drops a
// pending exception: the events come last.
void restore(Vcpu& vcpu, const VcpuState& state, std::uint64_t tsc_shift, ReadBack read_back) {
  const int fd = vcpu.fd();
  const std::vector<kvm_cpuid_entry2> cpuid{state.cpuid.begin(), state.cpuid.end()};
  // One that has run can't get another one, and has this one when it goes back to where it was.
  if (!is_same(cpuid, vcpu.cpuid())) vcpu.set_cpuid(cpuid);
  put_tsc(vcpu, state.tsc, tsc_shift);
  put_sregs(fd, state.sregs);
  put(fd, KVM_SET_REGS, state.regs, "registers");
  put_fpu(vcpu, state.xsave);
  if (vcpu.layout().xcrs) put(fd, KVM_SET_XCRS, state.xcrs, "extended control registers");
  put(fd, KVM_SET_DEBUGREGS, state.debug, "debug registers");
  put(fd, KVM_SET_LAPIC, state.lapic, "local APIC");
  std::vector<Msr> msrs = state.msrs;
  std::stable_partition(msrs.begin(), msrs.end(),
                        [](const Msr& msr) { return msr.index != tsc_deadline_msr; });
  put_msrs(vcpu, msrs);
  put(fd, KVM_SET_MP_STATE, state.mp_state, "run state");
  put(fd, KVM_SET_VCPU_EVENTS, state.events, "events");
  if (read_back == ReadBack::no) return;
  std::vector<std::uint32_t> indexes;
  for (const Msr& msr : state.msrs) indexes.push_back(msr.index);
  require_kept(vcpu, state, indexes);
}

}  // namespace samepage::vmm
