// SPDX-License-Identifier: Apache-2.0
// Domain XML as an enemy sends it: any bytes, and a good domain with pieces taken out, doubled and put in.
// What is taken must come out as XML that defines the same domain; all else is one of libvirt's errors.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "manage/libvirt/domain_xml.hpp"
#include "manage/libvirt/error.hpp"
#include "vmm/process/guest_config_bytes.hpp"

namespace samepage::libvirt {
namespace {

constexpr std::string_view good = R"(<domain type='kvm' id='7' xmlns:sp='https://samepage.dev/libvirt/1'>
<name>web-1</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid><title>a</title><metadata><a:b xmlns:a='u'/></metadata>
<memory unit='MiB'>64</memory><currentMemory>4096</currentMemory><vcpu current='4'>4</vcpu>
<os><type arch='x86_64'>hvm</type><kernel>/k</kernel><initrd>/i</initrd><cmdline>c &amp; d</cmdline></os>
<devices><disk type='file'><source file='/d'/><target dev='vda' bus='virtio'/><transient/></disk>
<interface type='ethernet'><mac address='52:54:00:12:34:56'/><target dev='tap0'/></interface>
<memory model='nvdimm' access='shared'><source><path>/p</path></source><target><size>8</size></target>
<address type='dimm' base='0x140000000'/></memory><console type='pty'/><rng model='virtio'><backend model='random'/></rng>
<memballoon model='virtio'/></devices><sp:merge domain='t'/><sp:rom file='/r' address='0xf0000000'/></domain>)";

constexpr std::array<std::string_view, 16> pieces{"<",
                                                  ">",
                                                  "/",
                                                  "'",
                                                  "\"",
                                                  "&",
                                                  "&#0;",
                                                  "&#x1;",
                                                  "<!--",
                                                  "<![CDATA[",
                                                  "]]>",
                                                  "\xff",
                                                  " xmlns:sp='u'",
                                                  "<sp:merge/>",
                                                  "18446744073709551615",
                                                  "<disk/>"};

void try_it(std::string_view xml) {
  try {
    const DomainDefinition domain = read_domain(xml);
    const std::string out = domain_xml(domain, 3);
    const DomainDefinition again = read_domain(out);
    invariant(domain_xml(again, 3) == out, "what comes out does not come out again");
    invariant(vmm::bytes_of(guest_of(again)) == vmm::bytes_of(guest_of(domain)), "it is another guest");
  } catch (const Error& error) {
    invariant(error.what()[0] != '\0', "no words");
  }
}

}  // namespace
}  // namespace samepage::libvirt

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samepage::libvirt;  // NOLINT(google-build-using-namespace): libFuzzer's own name is global
  // SAFETY: bytes are bytes.
  try_it({reinterpret_cast<const char*>(data), size});
  std::string xml(good);
  for (std::size_t i = 0; i + 4 <= size && i < 32; i += 4) {
    const std::size_t at = (data[i] * 256U + data[i + 1]) % xml.size();
    const std::size_t length = data[i + 2] % 40U;
    switch (data[i + 3] % 3U) {
      case 0:
        xml.erase(at, length);
        break;
      case 1:
        xml.insert(at, xml.substr(at, length));
        break;
      default:
        xml.insert(at, pieces.at(length % pieces.size()));
    }
    if (xml.empty()) break;
    try_it(xml);
  }
  return 0;
}
