// SPDX-License-Identifier: Apache-2.0
// What clients do with guests: definitions, lives, settings, consoles.
#include <libvirt/libvirt.h>

#include "manage/libvirt/procedure_parts.hpp"

namespace samepage::libvirt {
namespace {

// A guest that is to end with the connection that started it is the connection's affair, not the host's.
struct StartFlags {
  unsigned of_host;
  bool ends_with_connection;

  explicit StartFlags(unsigned flags)
      : of_host(flags & ~static_cast<unsigned>(VIR_DOMAIN_START_AUTODESTROY)),
        ends_with_connection((flags & VIR_DOMAIN_START_AUTODESTROY) != 0) {}
};

void put_started(Call& call, XdrWriter& out, const DomainRef& domain, const StartFlags& flags) {
  if (flags.ends_with_connection) call.ends_with_connection = domain;
  put(out, domain);
}

constexpr Procedure table[]{
    {11, "virDomainDefineXML", writes, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) { put(out, call.host.define(in.text(), 0)); }},
    {350, "virDomainDefineXMLFlags", writes, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const std::string xml = in.text();
       put(out, call.host.define(xml, in.u32()));
     }},
    {35, "virDomainUndefine", writes, quick,
     [](Call& call, XdrReader& in, XdrWriter&) { call.host.undefine(take_domain(in), 0); }},
    {231, "virDomainUndefineFlags", writes, quick,
     [](Call& call, XdrReader& in, XdrWriter&) {
       const DomainRef domain = take_domain(in);
       call.host.undefine(domain, in.u32());
     }},
    {29, "virDomainSetAutostart", writes, quick,
     [](Call& call, XdrReader& in, XdrWriter&) {
       const DomainRef domain = take_domain(in);
       call.host.set_autostart(domain, in.i32() != 0);
     }},
    {15, "virDomainGetAutostart", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) { out.boolean(call.host.autostart(take_domain(in))); }},
    {151, "virDomainIsPersistent", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       out.boolean(call.host.is_persistent(take_domain(in)));
     }},
    {14, "virDomainGetXMLDesc", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const DomainRef domain = take_domain(in);
       const unsigned flags = in.u32();
       if ((flags & VIR_DOMAIN_XML_SECURE) != 0 && call.access == Access::reads) {
         throw read_only("virDomainGetXMLDesc with secure flag");
       }
       out.text(call.host.xml(domain, flags));
     }},
    {19, "virDomainGetOSType", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       static_cast<void>(call.host.by_uuid(take_domain(in).uuid));
       out.text("hvm");
     }},

    {10, "virDomainCreateXML", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const std::string xml = in.text();
       const StartFlags flags(in.u32());
       put_started(call, out, call.host.create(xml, flags.of_host), flags);
     }},
    {9, "virDomainCreate", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter&) { static_cast<void>(call.host.start(take_domain(in), 0)); }},
    {196, "virDomainCreateWithFlags", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const DomainRef domain = take_domain(in);
       const StartFlags flags(in.u32());
       put_started(call, out, call.host.start(domain, flags.of_host), flags);
     }},
    {12, "virDomainDestroy", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter&) { call.host.destroy(take_domain(in), 0); }},
    {234, "virDomainDestroyFlags", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter&) {
       const DomainRef domain = take_domain(in);
       call.host.destroy(domain, in.u32());
     }},
    {33, "virDomainShutdown", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter&) { call.host.shutdown(take_domain(in), 0); }},
    {258, "virDomainShutdownFlags", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter&) {
       const DomainRef domain = take_domain(in);
       call.host.shutdown(domain, in.u32());
     }},
    {27, "virDomainReboot", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter&) {
       const DomainRef domain = take_domain(in);
       call.host.reboot(domain, in.u32());
     }},
    {34, "virDomainSuspend", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter&) { call.host.suspend(take_domain(in)); }},
    {28, "virDomainResume", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter&) { call.host.resume(take_domain(in)); }},

    {31, "virDomainSetMemory", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter&) {
       const DomainRef domain = take_domain(in);
       call.host.set_memory(domain, in.u64(), VIR_DOMAIN_AFFECT_LIVE);
     }},
    {30, "virDomainSetMaxMemory", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter&) {
       const DomainRef domain = take_domain(in);
       call.host.set_memory(domain, in.u64(), VIR_DOMAIN_MEM_MAXIMUM);
     }},
    {204, "virDomainSetMemoryFlags", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter&) {
       const DomainRef domain = take_domain(in);
       const std::uint64_t kib = in.u64();
       call.host.set_memory(domain, kib, in.u32());
     }},

    {201, "virDomainOpenConsole", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter&) {
       const DomainRef domain = take_domain(in);
       const std::string device = in.optional_text().value_or("");
       call.console = call.host.open_console(domain, device, in.u32());
     }},
};

}  // namespace

std::span<const Procedure> domain_procedures() {
  return table;
}

}  // namespace samepage::libvirt
