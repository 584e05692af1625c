// SPDX-License-Identifier: Apache-2.0
// What clients ask of the connection itself, and who is there.
#include <libvirt/libvirt.h>

#include <string_view>

#include "manage/libvirt/procedure_parts.hpp"

namespace samepage::libvirt {
namespace {

// "1.2.3" as libvirt numbers versions: 1002003.
constexpr std::uint64_t number_of(std::string_view version) {
  std::uint64_t number = 0, part = 0;
  for (const char c : version) {
    if (c == '.') {
      number = (number + part) * 1000;
      part = 0;
    } else {
      part = part * 10 + static_cast<std::uint64_t>(c - '0');
    }
  }
  return number + part;
}
static_assert(number_of("9.10.2") == 9'010'002);

std::vector<DomainRef> listed(Call& call, unsigned flags) {
  std::vector<DomainRef> domains = call.host.list(flags);
  if (domains.size() > max_domains) throw operation_failed("there are more guests than clients can list");
  return domains;
}

constexpr Procedure table[]{
    {3, "virConnectGetType", reads, quick,
     [](Call& call, XdrReader&, XdrWriter& out) {
       // Programs that want KVM ask for this name.
       out.text(call.uri.starts_with("qemu:") ? "QEMU" : "Samepage");
     }},
    {4, "virConnectGetVersion", reads, quick,
     [](Call&, XdrReader&, XdrWriter& out) { out.u64(number_of(SAMEPAGE_VERSION)); }},
    {157, "virConnectGetLibVersion", reads, quick,
     [](Call&, XdrReader&, XdrWriter& out) { out.u64(LIBVIR_VERSION_NUMBER); }},
    {110, "virConnectGetURI", reads, quick,
     [](Call& call, XdrReader&, XdrWriter& out) { out.text(call.uri); }},
    {149, "virConnectIsSecure", reads, quick,
     [](Call&, XdrReader&, XdrWriter& out) { out.boolean(true); }},  // it does not leave the host
    {59, "virConnectGetHostname", reads, quick,
     [](Call& call, XdrReader&, XdrWriter& out) { out.text(call.host.host_name()); }},
    {7, "virConnectGetCapabilities", reads, quick,
     [](Call& call, XdrReader&, XdrWriter& out) { out.text(call.host.capabilities_xml()); }},
    {5, "virConnectGetMaxVcpus", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) { out.u32(call.host.most_vcpus(in.optional_text())); }},
    {342, "virConnectGetDomainCapabilities", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const auto emulator = in.optional_text();
       const auto architecture = in.optional_text();
       const auto machine = in.optional_text();
       const auto type = in.optional_text();
       take_no_flags(in, "virConnectGetDomainCapabilities");
       out.text(call.host.domain_capabilities_xml(emulator, architecture, machine, type));
     }},

    {273, "virConnectListAllDomains", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const bool wanted = in.i32() != 0;
       const std::vector<DomainRef> domains = listed(call, in.u32());
       out.count(wanted ? domains.size() : 0);
       if (wanted) {
         for (const DomainRef& domain : domains) put(out, domain);
       }
       out.count(domains.size());
     }},
    {37, "virConnectListDomains", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const std::size_t room = take_room(in);
       const std::vector<DomainRef> domains = listed(call, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
       out.count(std::min(domains.size(), room));
       for (const DomainRef& domain : std::span(domains).first(std::min(domains.size(), room))) {
         out.i32(domain.id);
       }
     }},
    {51, "virConnectNumOfDomains", reads, quick,
     [](Call& call, XdrReader&, XdrWriter& out) {
       out.count(listed(call, VIR_CONNECT_LIST_DOMAINS_ACTIVE).size());
     }},
    {21, "virConnectListDefinedDomains", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const std::size_t room = take_room(in);
       const std::vector<DomainRef> domains = listed(call, VIR_CONNECT_LIST_DOMAINS_INACTIVE);
       out.count(std::min(domains.size(), room));
       for (const DomainRef& domain : std::span(domains).first(std::min(domains.size(), room))) {
         out.text(domain.name);
       }
     }},
    {25, "virConnectNumOfDefinedDomains", reads, quick,
     [](Call& call, XdrReader&, XdrWriter& out) {
       out.count(listed(call, VIR_CONNECT_LIST_DOMAINS_INACTIVE).size());
     }},
    {22, "virDomainLookupByID", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) { put(out, call.host.by_id(in.i32())); }},
    {23, "virDomainLookupByName", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) { put(out, call.host.by_name(in.text())); }},
    {24, "virDomainLookupByUUID", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) { put(out, call.host.by_uuid(take_uuid(in))); }},
};

}  // namespace

std::span<const Procedure> connection_procedures() {
  return table;
}

}  // namespace samepage::libvirt
