// SPDX-License-Identifier: Apache-2.0
// Reading, refusing and writing of each element; one file, because the same definitions serve all.
#include "manage/libvirt/domain_xml.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/temporary_directory.hpp"
#include "manage/libvirt/error.hpp"
#include "vmm/process/guest_config_bytes.hpp"

namespace samepage::libvirt {
namespace {

using testing::HasSubstr;
using vmm::DiskAccess;
using vmm::DomainChoice;
using vmm::PmemAccess;

// A domain with `inside` in <devices> and `beside` beside it.
std::string domain_with(const std::string& inside, const std::string& beside = "") {
  return fmt::format(
      "<domain type='samepage' xmlns:samepage='{}'><name>web</name><memory unit='MiB'>64</memory>"
      "<os><type>hvm</type><kernel>/boot/vmlinuz</kernel></os>{}<devices>{}</devices></domain>",
      own_namespace, beside, inside);
}

Error refusal_of(const std::string& xml) {
  try {
    static_cast<void>(read_domain(xml));
  } catch (const Error& error) {
    return error;
  }
  return {VIR_ERR_OK, "it is taken"};
}

TEST(DomainXml, TheLeastThatADomainNeeds) {
  const DomainDefinition domain = read_domain(domain_with(""));
  EXPECT_EQ(domain.name, "web");
  EXPECT_EQ(domain.memory_kib, 65'536U);
  EXPECT_EQ(domain.current_kib, 65'536U);
  EXPECT_EQ(domain.vcpus, 1U);
  EXPECT_EQ(domain.kernel, "/boot/vmlinuz");
  EXPECT_TRUE(domain.balloon) << "as with libvirt";
  EXPECT_EQ(domain.merge.text(), "default");
  EXPECT_FALSE(domain.uuid);
}

TEST(DomainXml, AllThatWeHave) {
  const std::string xml = R"(<?xml version='1.0'?>
<!-- somebody's -->
<domain type='kvm' id='7' xmlns:sp='https://samepage.dev/libvirt/1' xmlns:app='urn:app'>
  <name>web-1</name>
  <uuid>4DEA22B3-1D52-D8F3-2516-782E98AB3FA0</uuid>
  <title>A guest</title>
  <description>of &lt;many&gt;</description>
  <metadata><app:tag colour='red'>x</app:tag></metadata>
  <memory unit='GiB'>1</memory>
  <currentMemory unit='bytes'>536870913</currentMemory>
  <vcpu placement='static' current='4'>4</vcpu>
  <os>
    <type arch='x86_64'>hvm</type>
    <kernel>/boot/vmlinuz</kernel>
    <initrd>/boot/initrd</initrd>
    <cmdline>console=ttyS0  quiet</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <clock offset='utc'/>
  <cpu mode='host-passthrough'/>
  <on_poweroff>destroy</on_poweroff>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/d/a'/><target dev='vda' bus='virtio'/><readonly/></disk>
    <disk type='file'><source file='/d/b'/><target dev='vdc'/><transient/></disk>
    <disk type='file'><source file='/d/c'/><target dev='vdb'/></disk>
    <interface type='ethernet'><mac address='52:54:00:12:34:56'/><target dev='tap0' managed='no'/><model type='virtio'/></interface>
    <memory model='nvdimm' access='shared'><source><path>/p/a</path></source><target><size unit='MiB'>2</size></target><address type='dimm' base='0x140000000'/></memory>
    <memory model='virtio-pmem'><source><path>/p/b</path></source><target><size>8</size><readonly/></target></memory>
    <serial type='pty'><target port='0'/></serial>
    <console type='pty'/>
    <console type='pty'><target type='virtio'/></console>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    <memballoon model='virtio'/>
  </devices>
  <sp:merge domain='tenant-a'/>
  <sp:entry>linux64</sp:entry>
  <sp:rom file='/r' address='0xf0000000'/>
</domain>
)";
  const DomainDefinition domain = read_domain(xml);
  EXPECT_EQ(domain.type, "kvm");
  EXPECT_EQ(to_text(*domain.uuid), "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
  EXPECT_EQ(domain.description, "of <many>");
  EXPECT_EQ(domain.current_kib, 524'289U) << "rounded up";
  EXPECT_EQ(domain.vcpus, 4U);
  EXPECT_EQ(domain.command_line, "console=ttyS0  quiet");
  EXPECT_EQ(domain.entry, vmm::EntryChoice::linux64);
  ASSERT_EQ(domain.disks.size(), 3U);
  EXPECT_EQ(domain.disks[0].config.access, DiskAccess::read_only);
  EXPECT_EQ(domain.disks[1].config.access, DiskAccess::overlay);
  EXPECT_EQ(domain.disks[1].target, "vdc");
  EXPECT_EQ(domain.disks[2].config.access, DiskAccess::read_write);
  ASSERT_EQ(domain.nets.size(), 1U);
  EXPECT_EQ(domain.nets[0].tap, "tap0");
  ASSERT_EQ(domain.pmems.size(), 2U);
  EXPECT_EQ(domain.pmems[0].config.access, PmemAccess::shared);
  EXPECT_EQ(domain.pmems[0].config.address, Gpa{0x1'4000'0000});
  EXPECT_EQ(domain.pmems[0].size_kib, 2048U);
  EXPECT_EQ(domain.pmems[1].config.access, PmemAccess::read_only);
  EXPECT_TRUE(domain.rng);
  EXPECT_TRUE(domain.virtio_console);
  EXPECT_EQ(domain.merge.text(), "tenant-a");
  ASSERT_EQ(domain.roms.size(), 1U);
  EXPECT_THAT(domain_xml(domain), HasSubstr("<app:tag colour='red'>x</app:tag>"));
  EXPECT_THAT(domain_xml(domain), HasSubstr("xmlns:app='urn:app'"));
}

TEST(DomainXml, NoSharePagesKeepsAGuestOutOfMerging) {
  const std::string keep_out = "<memoryBacking><nosharepages/></memoryBacking>";
  EXPECT_EQ(read_domain(domain_with("", keep_out)).merge.kind, DomainChoice::Kind::none);
  EXPECT_EQ(read_domain(domain_with("", "<samepage:merge mode='zero-only'/>")).merge.kind,
            DomainChoice::Kind::zero_only);
  EXPECT_EQ(refusal_of(domain_with("", keep_out + "<samepage:merge domain='a'/>")).code(), VIR_ERR_XML_ERROR);
}

TEST(DomainXml, WhatWeDontHaveIsRefusedByItsName) {
  const struct {
    std::string inside, beside, name;
  } cases[] = {
      {"<controller type='usb'/>", "", "<controller>"},
      {"<emulator>/usr/bin/qemu</emulator>", "", "<emulator>"},
      {"<graphics type='vnc'/>", "", "<graphics>"},
      {"<disk type='block'><source dev='/dev/sda'/><target dev='vda'/></disk>", "", "type='block'"},
      {"<disk type='file'><source file='/a'/><target dev='sda'/></disk>", "", "dev='sda'"},
      {"<disk type='file'><driver type='qcow2'/><source file='/a'/><target dev='vda'/></disk>", "", "qcow2"},
      {"<disk type='file'><driver type='raw' cache='none'/><source file='/a'/><target dev='vda'/></disk>", "",
       "cache='none'"},
      {"<disk type='file'><source file='/a'/><target dev='vda'/><iotune/></disk>", "", "<iotune>"},
      {"<interface type='bridge'><source bridge='br0'/></interface>", "", "type='bridge'"},
      {"<serial type='file'/>", "", "type='file'"},
      {"<memballoon model='virtio' autodeflate='on'/>", "", "autodeflate='on'"},
      {"<memballoon model='virtio'><stats period='5'/></memballoon>", "", "<stats>"},
      {"<rng model='virtio'><backend model='egd'/></rng>", "", "model='egd'"},
      {"", "<memoryBacking><hugepages/></memoryBacking>", "<hugepages>"},
      {"", "<memoryBacking><locked/></memoryBacking>", "<locked>"},
      {"", "<cputune/>", "<cputune>"},
      {"", "<on_reboot>restart</on_reboot>", "<on_reboot>restart"},
      {"", "<features><pae/></features>", "<pae>"},
      {"", "<clock offset='localtime'/>", "offset='localtime'"},
      {"", "<cpu mode='custom'><model>Nehalem</model></cpu>", "mode='custom'"},
      {"", "<vcpu current='1'>2</vcpu>", "<vcpu> current"},
      {"", "<qemu:commandline xmlns:qemu='urn:q'/>", "<qemu:commandline>"},
      {"", "<samepage:sharing/>", "<samepage:sharing>"},
  };
  for (const auto& one : cases) {
    const Error error = refusal_of(domain_with(one.inside, one.beside));
    EXPECT_EQ(error.code(), VIR_ERR_CONFIG_UNSUPPORTED) << one.name << ": " << error.what();
    EXPECT_THAT(error.what(), HasSubstr(one.name));
  }
  EXPECT_EQ(refusal_of("<domain type='xen'/>").code(), VIR_ERR_CONFIG_UNSUPPORTED);
}

TEST(DomainXml, WhatIsMissingOrMakesNoSenseIsWrong) {
  const struct {
    std::string inside, beside, name;
  } cases[] = {
      {"<disk type='file'><target dev='vda'/></disk>", "", "<source>"},
      {"<disk type='file'><source file='a'/><target dev='vda'/></disk>", "", "absolute"},
      {"<disk type='file'><source file='/a'/><target dev='vda'/></disk>"
       "<disk type='file'><source file='/b'/><target dev='vda'/></disk>",
       "", "'vda'"},
      {"<interface type='ethernet'><mac address='01:00:00:00:00:01'/><target dev='t'/></interface>", "",
       "<mac>"},
      {"", "<vcpu>0</vcpu>", "<vcpu>"},
      {"", "<vcpu>two</vcpu>", "'two'"},
      {"", "<uuid>1234</uuid>", "<uuid>"},
      {"", "<currentMemory>65537</currentMemory>", "<currentMemory>"},
      {"", "<name>other</name>", "more than one <name>"},
      {"", "words", "'words'"},
      {"", "<samepage:merge domain='a b'/>", "'a b'"},
      {"", "<samepage:merge domain='a,other'/>", "'a,other'"},
      {"", "<samepage:merge domain='none,uniform'/>", "'none,uniform'"},
  };
  for (const auto& one : cases) {
    const Error error = refusal_of(domain_with(one.inside, one.beside));
    EXPECT_EQ(error.code(), VIR_ERR_XML_ERROR) << one.name << ": " << error.what();
    EXPECT_THAT(error.what(), HasSubstr(one.name));
  }
  for (const char* xml :
       {"<network/>", "<domain/>", "<domain type='kvm'/>",
        "<domain type='kvm'><name>a/b</name><memory>4</memory></domain>",
        "<domain type='kvm'><name>a</name><memory unit='EiB'>4</memory></domain>",
        "<domain type='kvm'><name>a</name><memory>7</memory></domain>",
        "<domain type='kvm'><name>a</name><memory unit='TiB'>99999999999</memory></domain>",
        "<domain type='kvm'><name>a</name><memory>4</memory><os><type>hvm</type></os></domain>"}) {
    EXPECT_EQ(refusal_of(xml).code(), VIR_ERR_XML_ERROR) << xml;
  }
}

TEST(DomainXml, WhatIsNoXmlIsMalformed) {
  for (const std::string xml :
       {"", " ", "domain", "<domain", "<domain>", "<domain></name>", "<domain/><domain/>",
        "<domain a='1' a='2'/>", "<domain type='kvm'>&#0;</domain>",
        "<domain type='kvm'><name>a&#x00;b</name></domain>", "<domain type='kvm'><name>\xff</name></domain>",
        "<domain type='kvm'><name>\x01</name></domain>", "<domain type='kvm'><name>&#1;</name></domain>",
        "<!DOCTYPE domain [<!ENTITY a 'b'>]><domain/>"}) {
    EXPECT_EQ(refusal_of(xml).code(), VIR_ERR_XML_DETAIL) << xml << ": " << refusal_of(xml).what();
  }
}

// Definitions of every kind, from a seed.
class AnyDefinition {
 public:
  explicit AnyDefinition(unsigned seed) : random_(seed) {}

  DomainDefinition next() {
    DomainDefinition domain;
    domain.type = chance() ? "samepage" : "kvm";
    domain.name = fmt::format("guest-{}", below(1000));
    domain.uuid = uuid_of_text(word());
    if (chance()) domain.title = word();
    if (chance()) domain.description = word() + "\n" + word();
    if (chance())
      domain.metadata =
          "<metadata xmlns:a=\"urn:a\"><a:b c=\"&lt;&#10;\">text &amp; more</a:b><a:d/></metadata>";
    domain.memory_kib = 4 * (1 + below(1U << 20U));
    domain.balloon = chance();
    domain.current_kib = domain.balloon ? 1 + below(domain.memory_kib) : domain.memory_kib;
    domain.vcpus = 1 + below(255);
    domain.kernel = path();
    if (chance()) domain.initrd = path();
    if (chance()) domain.command_line = word() + "  \"'<&>\t\n\r" + word() + " ";
    domain.entry = static_cast<vmm::EntryChoice>(below(3));
    const char* const labels[] = {"default", "tenant-a", "x.y_z,uniform"};
    switch (below(3)) {
      case 0:
        domain.merge = {DomainChoice::Kind::none, ""};
        break;
      case 1:
        domain.merge = {DomainChoice::Kind::zero_only, "default"};
        break;
      default:
        domain.merge = {DomainChoice::Kind::label, labels[below(3)]};
    }
    for (unsigned i = below(4); i > 0; --i) domain.roms.push_back({path(), Gpa{4096ULL * below(1U << 30U)}});
    for (unsigned i = below(30); i > 0; --i) {
      domain.disks.push_back({{path(), static_cast<DiskAccess>(below(3))}, disk_name(domain.disks.size())});
    }
    for (unsigned i = below(3); i > 0; --i) {
      PmemDefinition pmem{{path(), static_cast<PmemAccess>(below(3)), {}},
                          1 + below(1'000'000),
                          chance() ? "nvdimm" : "virtio-pmem"};
      if (chance()) pmem.config.address = Gpa{0x20'0000ULL * below(1U << 20U)};
      domain.pmems.push_back(std::move(pmem));
    }
    for (unsigned i = below(3); i > 0; --i) {
      vmm::NetConfig net{fmt::format("tap{}", i), {}};
      if (chance()) net.mac = vmm::MacAddress{2, 0, 0, 0, 0, static_cast<std::uint8_t>(below(256))};
      domain.nets.push_back(std::move(net));
    }
    domain.rng = chance();
    domain.virtio_console = chance();
    return domain;
  }

 private:
  unsigned below(std::uint64_t limit) { return static_cast<unsigned>(random_() % limit); }
  bool chance() { return below(2) == 0; }
  std::string word() {
    const char* const letters[] = {
        "a", "Z", "7", " ", "<", "&", "\"", "'", "]]>", "\xc3\xa4", "\xf0\x9f\x90\xa7"};
    std::string text = "w";
    for (unsigned i = below(12); i > 0; --i) text += letters[below(std::size(letters))];
    return text + "w";
  }
  std::string path() { return "/" + word(); }

  std::mt19937 random_;
};

TEST(DomainXml, WhatComesOutDefinesTheSameDomain) {
  AnyDefinition any(7);
  for (int round = 0; round < 300; ++round) {
    const DomainDefinition domain = any.next();
    const std::string xml = domain_xml(domain, 5);
    const DomainDefinition again = read_domain(xml);
    ASSERT_EQ(domain_xml(again, 5), xml) << round;
    // All that a guest is made of, and all that is kept besides.
    ASSERT_EQ(vmm::bytes_of(guest_of(again)), vmm::bytes_of(guest_of(domain))) << xml;
    ASSERT_EQ(again.uuid, domain.uuid);
    ASSERT_EQ(again.title, domain.title);
    ASSERT_EQ(again.description, domain.description);
    ASSERT_EQ(again.metadata, domain.metadata);
    ASSERT_EQ(again.current_kib, domain.current_kib);
    for (std::size_t i = 0; i < domain.disks.size(); ++i)
      ASSERT_EQ(again.disks[i].target, domain.disks[i].target);
    for (std::size_t i = 0; i < domain.pmems.size(); ++i)
      ASSERT_EQ(again.pmems[i].model, domain.pmems[i].model);
  }
}

TEST(DomainXml, AGuestThatSomebodyElseStartedIsDefinedByItsXml) {
  AnyDefinition any(11);
  for (int round = 0; round < 100; ++round) {
    const vmm::GuestProcessConfig guest = guest_of(any.next());
    DomainDefinition domain = definition_of(guest);
    for (PmemDefinition& pmem : domain.pmems) pmem.size_kib = 4;
    ASSERT_EQ(vmm::bytes_of(guest_of(read_domain(domain_xml(domain)))), vmm::bytes_of(guest)) << round;
  }
}

TEST(DomainXml, TextThatXmlCannotCarryIsStillXml) {
  vmm::GuestProcessConfig guest;
  guest.name = "odd";
  guest.machine.image = "/images/\xff\x01";
  guest.machine.command_line = std::string("a\0b\x02\xc3", 5);
  EXPECT_NO_THROW(static_cast<void>(read_domain(domain_xml(definition_of(guest)))));
}

TEST(DomainXml, LibvirtsOwnSchemaTakesIt) {
  const char* const schema = "/usr/share/libvirt/schemas/domain.rng";
  if (::access(schema, R_OK) != 0 || std::system("xmllint --version 2>/dev/null") != 0) {
    GTEST_SKIP() << "libvirt's schemas or xmllint are not here";
  }
  const TemporaryDirectory directory;
  AnyDefinition any(13);
  std::string files;
  for (int round = 0; round < 20; ++round) {
    DomainDefinition domain = any.next();
    // The schema has neither our type nor our namespace, and is strict about titles and paths.
    domain.type = "kvm";
    domain.entry = vmm::EntryChoice::automatic;
    domain.roms.clear();
    if (domain.merge.kind != DomainChoice::Kind::none) domain.merge = {};
    const std::string file = fmt::format("{}/{}.xml", directory.path(), round);
    std::ofstream(file) << domain_xml(domain, round % 2 == 0 ? 7 : -1);
    files += " " + file;
  }
  const std::string log = directory.path() + "/log";
  const int status =
      std::system(fmt::format("xmllint --noout --relaxng {}{} 2>{}", schema, files, log).c_str());
  std::ifstream stream(log);
  EXPECT_EQ(status, 0) << std::string(std::istreambuf_iterator<char>(stream), {}).substr(0, 2000);
}

TEST(DomainXml, DisksAreNamedAsLinuxNamesThem) {
  EXPECT_EQ(disk_name(0), "vda");
  EXPECT_EQ(disk_name(25), "vdz");
  EXPECT_EQ(disk_name(26), "vdaa");
  EXPECT_EQ(disk_name(51), "vdaz");
  EXPECT_EQ(disk_name(52), "vdba");
}

TEST(Uuid, IsReadAsLibvirtDoes) {
  const auto uuid = parse_uuid("4DEA22B31D52D8F32516782E98AB3FA0");
  ASSERT_TRUE(uuid);
  EXPECT_EQ(to_text(*uuid), "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
  EXPECT_EQ(parse_uuid(to_text(*uuid)), uuid);
  for (const char* text : {"", "-", "4dea22b31d52d8f32516782e98ab3fa", "4dea22b31d52d8f32516782e98ab3fa00",
                           "4dea22b31d52d8f32516782e98ab3fag", "-4dea22b31d52d8f32516782e98ab3fa0",
                           "4dea22b31d52d8f32516782e98ab3fa0-"}) {
    EXPECT_FALSE(parse_uuid(text)) << text;
  }
  EXPECT_EQ(uuid_of_text("a"), uuid_of_text("a"));
  EXPECT_NE(uuid_of_text("a"), uuid_of_text("b"));
  EXPECT_NE(random_uuid(), random_uuid());
}

std::string with_metadata(const std::string& metadata) {
  return "<domain type='samepage'><name>a</name><memory>16384</memory>"
         "<os><type>hvm</type><kernel>/k</kernel></os><metadata>" +
         metadata + "</metadata></domain>";
}

TEST(DomainXml, MetadataThatIsNestedToMakeItLongIsRefused) {
  const auto nested = [](int depth) {
    std::string open, close;
    for (int i = 0; i < depth; ++i) open += "<a>", close += "</a>";
    return with_metadata("<m xmlns='urn:m'>" + open + close + "</m>");
  };
  EXPECT_NO_THROW(static_cast<void>(read_domain(nested(20))));
  EXPECT_THROW(static_cast<void>(read_domain(nested(40))), Error);
  EXPECT_THROW(static_cast<void>(read_domain(nested(100'000))), Error);
}

TEST(DomainXml, WhatIsKeptIsNeverLongerThanATextMayBe) {
  DomainDefinition domain = read_domain(with_metadata("<m xmlns='urn:m'/>"));
  EXPECT_EQ(kept_domain_xml(domain), domain_xml(domain));
  domain.description = std::string(longest_domain_xml / 3, '>');  // four bytes each when written
  EXPECT_THROW(static_cast<void>(kept_domain_xml(domain)), Error);
}

}  // namespace
}  // namespace samepage::libvirt
