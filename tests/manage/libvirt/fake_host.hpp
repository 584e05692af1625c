// SPDX-License-Identifier: Apache-2.0
// A host with one guest, "web", whose answers are round numbers, for tests of the wire. What a test needs to
// be otherwise it sets.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/event_fd.hpp"
#include "base/framing.hpp"
#include "manage/libvirt/error.hpp"
#include "manage/libvirt/host.hpp"

namespace samepage::libvirt::test {

inline Uuid web_uuid() {
  Uuid uuid{};
  for (std::size_t i = 0; i < uuid.size(); ++i) uuid[i] = static_cast<std::uint8_t>(0x10 + i);
  return uuid;
}

/// A door that a call waits at until it is opened.
class Gate {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait_for_callers(int callers) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= callers; });
  }
  [[nodiscard]] int callers() {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

class FakeHost : public Host {
 public:
  DomainRef web{"web", web_uuid(), 7};
  std::vector<DomainRef> domains{web};
  std::vector<MemoryStat> memory{{6, 1000}, {7, 2000}};
  std::vector<TypedParameter> parameters{{"a", std::uint32_t{1}}, {"bc", std::uint64_t{2}}};
  std::function<void()> on_start = [] {};
  UniqueFd guests_console;  // the guest's end, once it is opened

  /// What has been asked for and changes something, in words.
  std::vector<std::string> done() {
    const std::lock_guard lock(mutex_);
    return done_;
  }
  void happens(const LifecycleEvent& event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
    signal_event(happened_.get());
  }

  std::vector<DomainRef> list(unsigned flags) override {
    std::vector<DomainRef> listed;
    for (const DomainRef& domain : domains) {
      const unsigned is = domain.id >= 0 ? 1U : 2U;
      if (flags == 0 || (flags & is) != 0) listed.push_back(domain);
    }
    return listed;
  }
  DomainRef by_id(int id) override {
    if (id != web.id) throw no_domain(std::to_string(id));
    return web;
  }
  DomainRef by_name(const std::string& name) override {
    if (name != web.name) throw no_domain(name);
    return web;
  }
  DomainRef by_uuid(const Uuid& uuid) override {
    if (uuid != web.uuid) throw no_domain(to_text(uuid));
    return web;
  }
  DomainRef define(const std::string& xml, unsigned flags) override {
    return did("define " + xml + " " + std::to_string(flags));
  }
  void undefine(const DomainRef&, unsigned flags) override { did("undefine " + std::to_string(flags)); }
  bool is_persistent(const DomainRef&) override { return true; }
  bool autostart(const DomainRef&) override { return true; }
  void set_autostart(const DomainRef&, bool on) override { did(on ? "autostart" : "no autostart"); }
  DomainRef create(const std::string& xml, unsigned flags) override {
    on_start();
    return did("create " + xml + " " + std::to_string(flags));
  }
  DomainRef start(const DomainRef&, unsigned flags) override {
    on_start();
    return did("start " + std::to_string(flags));
  }
  void destroy(const DomainRef&, unsigned flags) override { did("destroy " + std::to_string(flags)); }
  void shutdown(const DomainRef&, unsigned flags) override { did("shutdown " + std::to_string(flags)); }
  void reboot(const DomainRef&, unsigned flags) override { did("reboot " + std::to_string(flags)); }
  void suspend(const DomainRef&) override { did("suspend"); }
  void resume(const DomainRef&) override { did("resume"); }
  void set_memory(const DomainRef&, std::uint64_t kib, unsigned flags) override {
    did("memory " + std::to_string(kib) + " " + std::to_string(flags));
  }
  bool is_active(const DomainRef&) override { return true; }
  DomainState state(const DomainRef&) override { return {3, 1}; }
  std::string xml(const DomainRef&, unsigned flags) override { return "<x" + std::to_string(flags) + "/>"; }
  unsigned vcpu_count(const DomainRef&, unsigned flags) override { return flags; }
  std::vector<std::string> messages(const DomainRef&) override { return {"m"}; }
  DomainInfo info(const DomainRef&) override { return {1, 64, 32, 2, 5}; }
  std::vector<MemoryStat> memory_stats(const DomainRef&) override { return memory; }
  std::vector<VcpuInfo> vcpus(const DomainRef&) override { return {{0, 1, 10, 3}, {1, 2, 20, 4}}; }
  std::vector<TypedParameter> cpu_stats(const DomainRef&) override { return parameters; }
  BlockStats block_stats(const DomainRef&, const std::string& device) override {
    if (device != "vda") throw invalid_argument("no disk " + device);
    return {1, 2, 3, 4, 6, 5};
  }
  std::vector<TypedParameter> block_parameters(const DomainRef&, const std::string&) override {
    return parameters;
  }
  InterfaceStats interface_stats(const DomainRef&, const std::string&) override {
    return {{1, 2, 3, 4}, {5, 6, 7, 8}};
  }
  std::vector<Domains::Stats> stats(std::span<const DomainRef> asked, unsigned groups,
                                    unsigned flags) override {
    did("stats " + std::to_string(asked.size()) + " " + std::to_string(groups) + " " + std::to_string(flags));
    return {{web, parameters}};
  }
  UniqueFd open_console(const DomainRef&, const std::string& device, unsigned flags) override {
    did("console '" + device + "' " + std::to_string(flags));
    auto [ours, guests] = connected_sockets();
    guests_console = std::move(guests);
    return std::move(ours);
  }
  int events_fd() const override { return happened_.get(); }
  std::vector<LifecycleEvent> take_events() override {
    const std::lock_guard lock(mutex_);
    clear_event(happened_.get());
    return std::exchange(events_, {});
  }
  NodeInfo node_info() override { return {"x86_64", 4096, 2, 3000, 1, 1, 2, 1}; }
  NamedFigures node_memory_stats(int cell) override {
    return {{"total", 100}, {"free", 40 + static_cast<std::uint64_t>(cell) + 1}};
  }
  NamedFigures node_cpu_stats(int) override { return {{"user", 9}}; }
  CpuMap node_cpu_map() override { return {{true, false, true}}; }
  std::uint64_t node_free_memory() override { return 0x1'0000'0002; }
  std::string host_name() override { return "host"; }
  std::string capabilities_xml() override { return "<c/>"; }
  std::string domain_capabilities_xml(const OptionalText& emulator, const OptionalText& architecture,
                                      const OptionalText& machine, const OptionalText& type) override {
    return emulator.value_or("-") + architecture.value_or("-") + machine.value_or("-") + type.value_or("-");
  }
  unsigned most_vcpus(const OptionalText&) override { return 4; }
  std::vector<TypedParameter> node_memory_parameters() override { return parameters; }
  void set_node_memory_parameters(std::span<const TypedParameter> given) override {
    for (const TypedParameter& parameter : given) {
      // A client may send any type, and which ones a host takes is the host's to say.
      std::visit([&](const auto& value) { did(fmt::format("tune {} {}", parameter.field, value)); },
                 parameter.value);
    }
  }

 private:
  DomainRef did(const std::string& what) {
    const std::lock_guard lock(mutex_);
    done_.push_back(what);
    return web;
  }

  std::mutex mutex_;
  std::vector<std::string> done_;
  std::vector<LifecycleEvent> events_;
  UniqueFd happened_ = make_event();
};

}  // namespace samepage::libvirt::test
