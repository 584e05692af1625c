// SPDX-License-Identifier: Apache-2.0
// Samepage's figures in libvirt's words.
#include <gmock/gmock.h>

#include <set>

#include "manage/guests/guest_connection.hpp"
#include "manage/libvirt/domain_end.hpp"
#include "manage/libvirt/domain_figures.hpp"
#include "manage/libvirt/error.hpp"
#include "manage/libvirt/list_filter.hpp"
#include "manage/libvirt/memory_parameters.hpp"
#include "manage/libvirt/node.hpp"

namespace samepage::libvirt {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

const json stat = json::parse(R"({
  "cpu_user_us": 3000, "cpu_system_us": 500, "rss_bytes": 8192, "shared_bytes": 4096, "merges": 7, "hold_max_us": 90,
  "balloon": {"actual_bytes": 1048576, "guest": {"free_bytes": 2048, "major_faults": 5}},
  "vcpus": [{"cpu_us": 10, "host_cpu": 1, "runs": true}, {"cpu_us": 20, "host_cpu": 0, "runs": false}],
  "disks": [{"read_requests": 1, "read_bytes": 512, "write_requests": 2, "write_bytes": 1024, "flush_requests": 3,
             "errors": 4}],
  "nets": [{"mac": "02:00:00:00:00:01", "received": {"packets": 1, "bytes": 60, "dropped": 2},
            "sent": {"packets": 3, "bytes": 180, "dropped": 0}}]})");

DomainDefinition domain() {
  DomainDefinition one;
  one.memory_kib = one.current_kib = 4096;
  one.vcpus = 2;
  one.disks.push_back({{"/no/such/disk", vmm::DiskAccess::overlay}, "vda"});
  one.nets.push_back({"tap0", {}});
  return one;
}

const Value* value_of(const TypedParameters& parameters, const std::string& field) {
  for (const TypedParameter& parameter : parameters) {
    if (parameter.field == field) return &parameter.value;
  }
  return nullptr;
}

TEST(DomainFigures, EachGroupHasItsKeysOnce) {
  const TypedParameters all = domain_stats(domain(), {VIR_DOMAIN_RUNNING, 1}, &stat, known_stats_groups);
  std::set<std::string> fields;
  for (const TypedParameter& parameter : all) {
    EXPECT_TRUE(fields.insert(parameter.field).second) << parameter.field;
    EXPECT_LE(parameter.field.size(), 79U);
  }
  const auto expect = [&](const char* field, const Value& value) {
    ASSERT_NE(value_of(all, field), nullptr) << field;
    EXPECT_EQ(*value_of(all, field), value) << field;
  };
  expect("state.state", std::int32_t{VIR_DOMAIN_RUNNING});
  expect("cpu.time", std::uint64_t{3'500'000});
  expect("cpu.user", std::uint64_t{3'000'000});
  expect("balloon.current", std::uint64_t{3072});
  expect("balloon.maximum", std::uint64_t{4096});
  expect("balloon.unused", std::uint64_t{2});
  expect("balloon.major_fault", std::uint64_t{5});
  expect("balloon.rss", std::uint64_t{8});
  expect("vcpu.current", std::uint32_t{2});
  expect("vcpu.1.time", std::uint64_t{20'000});
  expect("vcpu.1.state", std::int32_t{VIR_VCPU_BLOCKED});
  expect("net.0.name", std::string("tap0"));
  expect("net.0.rx.bytes", std::uint64_t{60});
  expect("net.0.tx.pkts", std::uint64_t{3});
  expect("net.0.rx.drop", std::uint64_t{2});
  expect("block.0.path", std::string("/no/such/disk"));
  expect("block.0.wr.bytes", std::uint64_t{1024});
  expect("block.0.fl.reqs", std::uint64_t{3});
  expect("vm.shared_bytes.cur", std::uint64_t{4096});
  expect("vm.hold_us.max", std::uint64_t{90});
  EXPECT_EQ(value_of(all, "balloon.swap_in"), nullptr) << "the guest does not tell it";
}

TEST(DomainFigures, OnlyWhatIsAskedForAndKnown) {
  EXPECT_EQ(domain_stats(domain(), {VIR_DOMAIN_SHUTOFF, 1}, nullptr, VIR_DOMAIN_STATS_STATE).size(), 2U);
  EXPECT_THAT(domain_stats(domain(), {VIR_DOMAIN_SHUTOFF, 1}, nullptr, VIR_DOMAIN_STATS_CPU_TOTAL),
              IsEmpty());
  const auto off = domain_stats(domain(), {VIR_DOMAIN_SHUTOFF, 1}, nullptr, known_stats_groups);
  EXPECT_EQ(value_of(off, "block.0.rd.reqs"), nullptr);
  EXPECT_NE(value_of(off, "balloon.maximum"), nullptr);
  const json empty = json::object();
  EXPECT_NO_THROW(domain_stats(domain(), {}, &empty, known_stats_groups)) << "an older guest tells less";
}

TEST(DomainFigures, MemoryStatsFitWhatVirshHasRoomFor) {
  EXPECT_LE(memory_stats_of(stat, 4096).size(), 13U);
  EXPECT_EQ(memory_stats_of(stat, 4096)[0].value, 3072U);
  const json too_much = {{"balloon", {{"actual_bytes", std::uint64_t{1} << 40U}}}};
  EXPECT_EQ(current_kib(too_much, 4096), 0U);
}

TEST(DomainFigures, OfDevices) {
  EXPECT_EQ(block_stats_of(stat, 0).errors, 4);
  EXPECT_EQ(block_stats_of(stat, 1).read_requests, 0) << "there is none";
  EXPECT_EQ(interface_stats_of(stat, 0).sent.bytes, 180);
  EXPECT_EQ(vcpus_of(stat)[0].host_cpu, 1);
}

TEST(DomainEnd, EachWayHasItsWords) {
  const auto detail = [](const char* how, const char* reason) {
    return words_for({1, 0, how, reason}).detail;
  };
  EXPECT_EQ(detail("exited", ""), VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN);
  EXPECT_EQ(detail("stopped", "signal 15"), VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN);
  EXPECT_EQ(detail("failed", "triple fault"), VIR_DOMAIN_EVENT_STOPPED_CRASHED);
  EXPECT_EQ(detail("killed", guests::killed_by_command), VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
  EXPECT_EQ(detail("killed", destroyed_by_client), VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
  EXPECT_EQ(detail("killed", "for lack of memory"), VIR_DOMAIN_EVENT_STOPPED_FAILED);
  EXPECT_EQ(words_for({1, 125, "failed", "triple fault"}).reason, VIR_DOMAIN_SHUTOFF_CRASHED);
  EXPECT_THAT(words_for({1, 125, "failed", "triple fault"}).message, HasSubstr("triple fault"));
  EXPECT_THAT(words_for({1, 9, "exited", ""}).message, HasSubstr("code 9"));
}

TEST(ListFilter, GroupsAreAnded) {
  constexpr unsigned running =
      VIR_CONNECT_LIST_DOMAINS_ACTIVE | VIR_CONNECT_LIST_DOMAINS_TRANSIENT | VIR_CONNECT_LIST_DOMAINS_RUNNING;
  EXPECT_TRUE(passes_filter(running, 0));
  EXPECT_TRUE(passes_filter(running, 3));
  EXPECT_FALSE(passes_filter(running, VIR_CONNECT_LIST_DOMAINS_INACTIVE));
  EXPECT_TRUE(passes_filter(running, VIR_CONNECT_LIST_DOMAINS_RUNNING | VIR_CONNECT_LIST_DOMAINS_SHUTOFF));
  EXPECT_FALSE(passes_filter(running, VIR_CONNECT_LIST_DOMAINS_ACTIVE | VIR_CONNECT_LIST_DOMAINS_PERSISTENT));
}

TEST(MemoryParameters, AreSamepagesOwn) {
  const auto parameters =
      memory_parameters_of({{"pages_shared", 7}, {"full_scans", 2}}, {{"interval", "250ms"}});
  EXPECT_EQ(*value_of(parameters, "shm_sleep_millisecs"), Value(std::uint32_t{250}));
  EXPECT_EQ(*value_of(parameters, "shm_merge_across_nodes"), Value(std::uint32_t{1}));
  EXPECT_EQ(*value_of(parameters, "shm_pages_shared"), Value(std::uint64_t{7}));
  EXPECT_EQ(*value_of(parameters, "shm_full_scans"), Value(std::uint64_t{2}));
  EXPECT_EQ(value_of(parameters, "shm_pages_to_scan"), nullptr) << "it has no meaning here";
  EXPECT_EQ(*value_of(memory_parameters_of(json::object(), json::object()), "shm_pages_sharing"),
            Value(std::uint64_t{0}))
      << "without a daemon nothing is shared";
}

TEST(MemoryParameters, AreSetAllOrNone) {
  const TypedParameter sleep{"shm_sleep_millisecs", std::uint32_t{50}};
  EXPECT_EQ(tune_request_for(std::span(&sleep, 1)), (json{{"do", "tune"}, {"interval", "50ms"}}));
  for (const TypedParameter& bad : std::vector<TypedParameter>{{"shm_pages_to_scan", std::uint32_t{100}},
                                                               {"shm_merge_across_nodes", std::uint32_t{0}},
                                                               {"shm_pages_shared", std::uint64_t{1}},
                                                               {"shm_sleep_millisecs", std::uint64_t{1}},
                                                               {"swappiness", std::uint32_t{1}}}) {
    const std::vector<TypedParameter> both{sleep, bad};
    EXPECT_THROW(static_cast<void>(tune_request_for(both)), Error) << bad.field;
  }
  const TypedParameter as_it_is{"shm_merge_across_nodes", std::uint32_t{1}};
  EXPECT_EQ(tune_request_for(std::span(&as_it_is, 1)).size(), 1U);
}

TEST(Node, IsWhatTheKernelSays) {
  const NodeInfo info = node_info();
  EXPECT_EQ(info.model, "x86_64");
  EXPECT_GT(info.memory_kib, 0U);
  EXPECT_GE(info.nodes * info.sockets * info.cores * info.threads, info.cpus) << "clients multiply them";
  EXPECT_GE(info.cpus, 1U);
  EXPECT_EQ(node_memory_stats(VIR_NODE_MEMORY_STATS_ALL_CELLS).size(), 4U);
  EXPECT_THROW(node_memory_stats(77), Error);
  EXPECT_EQ(node_cpu_stats(VIR_NODE_CPU_STATS_ALL_CPUS).size(), 4U);
  EXPECT_THROW(node_cpu_stats(100'000), Error);
  EXPECT_GT(node_free_memory(), 0U);
  EXPECT_FALSE(host_name().empty());
  EXPECT_THAT(capabilities_xml(), HasSubstr("<domain type='samepage'"));
  EXPECT_THAT(domain_capabilities_xml({}, {}, {}, "kvm"), HasSubstr("<domain>kvm</domain>"));
  EXPECT_THROW(domain_capabilities_xml({}, "aarch64", {}, {}), Error);
  EXPECT_THROW(domain_capabilities_xml("/usr/bin/qemu", {}, {}, {}), Error);
}

}  // namespace
}  // namespace samepage::libvirt
