// SPDX-License-Identifier: Apache-2.0
// A stock virsh against `samepage libvirtd` with real guests: each command that docs/libvirt.md says works,
// and those that it says are refused.
// One file: the guests are started once for all.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/framing.hpp"
#include "base/unique_fd.hpp"
#include "tests/system/libvirt.hpp"
#include "tests/system/terminal.hpp"

namespace samepage::system_test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(Libvirt, AGuestsLife) {
  EXPECT_EQ(ask_virsh({"list", "--all"}), "");
  const std::string file = definition("web", "hello", "wait=1");
  EXPECT_EQ(ask_virsh({"define", file}), "");
  EXPECT_THAT(ask_virsh({"list", "--all"}), ContainsRegex("-  *web  *shut off"));
  EXPECT_EQ(ask_virsh({"domstate", "web", "--reason"}), "shut off (unknown)");
  EXPECT_EQ(ask_virsh({"domid", "web"}), "-");
  const std::string uuid = ask_virsh({"domuuid", "web"});
  EXPECT_EQ(ask_virsh({"domname", uuid}), "web");

  EXPECT_EQ(ask_virsh({"autostart", "web"}), "");
  EXPECT_THAT(
      ask_virsh({"dominfo", "web"}),
      AllOf(ContainsRegex("UUID: *" + uuid), ContainsRegex("OS Type: *hvm"), ContainsRegex("CPU.s.: *2"),
            ContainsRegex("Max memory: *16384 KiB"), ContainsRegex("Persistent: *yes"),
            ContainsRegex("Autostart: *enable"), ContainsRegex("Managed save: *no")));
  EXPECT_EQ(ask_virsh({"autostart", "--disable", "web"}), "");

  EXPECT_EQ(ask_virsh({"start", "web"}), "");
  EXPECT_EQ(refused({"start", "web"}), "error: Domain is already active");
  EXPECT_EQ(ask_virsh({"domstate", "web", "--reason"}), "running (booted)");
  const std::string pid = std::to_string(ask({"ps"})[0].at("pid").get<int>());
  EXPECT_EQ(ask_virsh({"domid", "web"}), pid);
  EXPECT_EQ(ask_virsh({"domname", pid}), "web");
  EXPECT_THAT(ask_virsh({"list"}), ContainsRegex(pid + "  *web  *running"));

  EXPECT_EQ(ask_virsh({"suspend", "web"}), "");
  EXPECT_EQ(ask({"ps"})[0].at("state"), "paused");
  EXPECT_EQ(ask_virsh({"domstate", "web", "--reason"}), "paused (user)");
  EXPECT_EQ(ask_virsh({"resume", "web"}), "");
  EXPECT_EQ(ask_virsh({"domstate", "web", "--reason"}), "running (unpaused)");
  EXPECT_THAT(refused({"reboot", "web"}), HasSubstr("guest 'web' has no reset button"));

  EXPECT_EQ(ask_virsh({"destroy", "web"}), "");
  EXPECT_EQ(ask_virsh({"domstate", "web", "--reason"}), "shut off (destroyed)");
  EXPECT_THAT(refused({"destroy", "web"}), HasSubstr("domain is not running"));
  EXPECT_EQ(ask_virsh({"start", "web", "--paused"}), "");
  EXPECT_THAT(ask_virsh({"domstate", "web"}), "paused");
  EXPECT_EQ(ask_virsh({"resume", "web"}), "");
  wait_until("it is seen to run", [&] { return ask_virsh({"domstate", "web"}) == "running"; });
  EXPECT_EQ(ask_virsh({"destroy", "web", "--graceful"}), "");
  EXPECT_EQ(ask_virsh({"start", "web"}), "");
  EXPECT_EQ(ask_virsh({"shutdown", "web"}), "");
  wait_until("it is shut off", [&] { return ask_virsh({"domstate", "web"}) == "shut off"; });
  EXPECT_EQ(ask_virsh({"undefine", "web"}), "");
  EXPECT_THAT(refused({"domstate", "web"}), HasSubstr("failed to get domain 'web'"));
}

TEST_F(Libvirt, FiguresOfAGuest) {
  std::ofstream(directory_ + "/disk.raw") << std::string(1U << 20U, 'x');
  const std::string devices =
      "<disk type='file' device='disk'><driver name='samepage' type='raw'/><source file='" + directory_ +
      "/disk.raw'/><target dev='vda' bus='virtio'/><readonly/></disk>"
      "<memballoon model='virtio'/>";
  EXPECT_EQ(ask_virsh({"create", definition("fig", "fill", "common=100 zero=50", devices)}), "");
  wait_for_line("fig", "ready");
  EXPECT_THAT(ask_virsh({"dommemstat", "fig"}), AllOf(HasSubstr("actual 16384"), ContainsRegex("rss [1-9]")));
  EXPECT_THAT(
      ask_virsh({"domstats", "fig"}),
      AllOf(StartsWith("Domain: 'fig'"), HasSubstr("state.state=1"), ContainsRegex("cpu.time=[1-9]"),
            HasSubstr("balloon.maximum=16384"), HasSubstr("vcpu.current=2"), HasSubstr("block.count=1"),
            HasSubstr("block.0.name=vda"), ContainsRegex("vm\\.[a-z_]*\\.cur=")));
  EXPECT_THAT(ask_virsh({"domstats", "--state"}),
              AllOf(HasSubstr("state.state=1"), testing::Not(HasSubstr("cpu.time"))));
  EXPECT_EQ(ask_virsh({"domstats", "--list-inactive"}), "");
  EXPECT_THAT(ask_virsh({"vcpucount", "fig"}), ContainsRegex("current *live *2"));
  EXPECT_EQ(ask_virsh({"vcpucount", "fig", "--maximum", "--live"}), "2");
  EXPECT_THAT(ask_virsh({"vcpuinfo", "fig"}),
              AllOf(ContainsRegex("VCPU: *1"), ContainsRegex("State: *(running|blocked)"),
                    ContainsRegex("CPU Affinity: *y")));
  EXPECT_THAT(ask_virsh({"cpu-stats", "fig", "--total"}), ContainsRegex("cpu_time *[0-9]"));
  EXPECT_THAT(refused({"cpu-stats", "fig"}), HasSubstr("ask for the total"));
  EXPECT_THAT(ask_virsh({"domblklist", "fig"}), ContainsRegex("vda *" + directory_ + "/disk.raw"));
  EXPECT_THAT(ask_virsh({"domblkstat", "fig", "vda"}), ContainsRegex("vda rd_req [0-9]"));
  EXPECT_THAT(refused({"domblkstat", "fig", "vdz"}), HasSubstr("has no disk 'vdz'"));
  EXPECT_EQ(ask_virsh({"domiflist", "fig"}), "");
  EXPECT_THAT(refused({"domifstat", "fig", "tap0"}), HasSubstr("has no interface 'tap0'"));
  EXPECT_EQ(ask_virsh({"setmem", "fig", "12M"}), "");
  EXPECT_THAT(refused({"setmem", "fig", "32M"}), HasSubstr("higher than max memory"));
  EXPECT_THAT(ask_virsh({"dumpxml", "fig"}), AllOf(HasSubstr("<name>fig</name>"), HasSubstr("<readonly"),
                                                   ContainsRegex("<domain type=.samepage. id=.[0-9]+")));
  ASSERT_EQ(ask_virsh({"destroy", "fig"}), "");
  EXPECT_EQ(ask_virsh({"list", "--all"}), "") << "it was transient";
}

TEST_F(Libvirt, GuestsOfOtherCommandsAreThere) {
  start("mine", {"hello", "wait=1"}, {"--mem", "32M"});
  EXPECT_THAT(ask_virsh({"list"}), ContainsRegex("mine  *running"));
  const std::string uuid = ask_virsh({"domuuid", "mine"});
  const std::string xml = ask_virsh({"dumpxml", "mine"});
  EXPECT_THAT(xml, AllOf(HasSubstr(">32768</memory>"), HasSubstr(uuid)));
  // The server can go, and nobody notices.
  end_server();
  EXPECT_EQ(ask({"ps"}).size(), 1U);
  start_server();
  EXPECT_EQ(ask_virsh({"domuuid", "mine"}), uuid);
  server_->signal(SIGKILL);
  EXPECT_EQ(server_->wait(), 128 + SIGKILL);
  server_.reset();
  EXPECT_TRUE(std::filesystem::exists(socket_path()));
  start_server();
  EXPECT_EQ(ask_virsh({"domuuid", "mine"}), uuid);
  // What is shown defines the same guest again.
  ASSERT_EQ(ask_virsh({"destroy", "mine"}), "");
  const std::string file = directory_ + "/mine.xml";
  std::ofstream(file) << xml;
  ASSERT_EQ(ask_virsh({"create", file}), "");
  EXPECT_EQ(ask_virsh({"domuuid", "mine"}), uuid);
}

TEST_F(Libvirt, EventsOfAllGuestsOnceAndInOrder) {
  const std::string log = directory_ + "/events";
  const UniqueFd out = checked_fd(::open(log.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600), "open");
  Process events(virsh_words({"event", "--all", "--loop"}), out.get(), out.get());
  const auto content = [&] {
    std::ifstream in(log);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  // Until it listens, nothing that happens is told.
  int probes = 0;
  wait_until("events come", [&] {
    const std::string name = "probe" + std::to_string(++probes);
    ask_virsh({"define", definition(name, "hello", "wait=1")});
    ask_virsh({"undefine", name});
    return content().find("Undefined") != std::string::npos;
  });
  const std::size_t before = content().size();
  ask_virsh({"define", definition("ev", "hello", "wait=1")});
  ask_virsh({"start", "ev"});
  ask_virsh({"suspend", "ev"});
  EXPECT_EQ(samepage({"resume", "ev"}).code, 0) << "whoever does it";
  ask_virsh({"destroy", "ev"});
  ask_virsh({"undefine", "ev"});
  wait_until("the last event comes",
             [&] { return content().find("Undefined", before) != std::string::npos; });
  EXPECT_EQ(content().substr(before),
            "event 'lifecycle' for domain 'ev': Defined Added\n"
            "event 'lifecycle' for domain 'ev': Started Booted\n"
            "event 'lifecycle' for domain 'ev': Suspended Paused\n"
            "event 'lifecycle' for domain 'ev': Resumed Unpaused\n"
            "event 'lifecycle' for domain 'ev': Stopped Destroyed\n"
            "event 'lifecycle' for domain 'ev': Undefined Removed\n");
}

TEST_F(Libvirt, TheConsoleOfAGuest) {
  ask_virsh({"create", definition("talk", "echo", "exit=0")});
  Terminal terminal(virsh_words({"console", "talk"}));
  terminal.wait_for("echo> ");
  terminal.type("hello\r");
  terminal.wait_for("hello\n");
  terminal.type("\x1d");
  EXPECT_EQ(terminal.wait(), 0) << terminal.screen();
  EXPECT_THAT(log_of("talk"), HasSubstr("hello"));
  // The guest's end is the console's.
  Terminal again(virsh_words({"console", "talk"}));
  again.wait_for("echo> ");
  again.type("\x04");
  EXPECT_EQ(again.wait(), 0) << again.screen();
}

TEST_F(Libvirt, TheHost) {
  char name[256] = {};
  ASSERT_EQ(::gethostname(name, sizeof(name) - 1), 0);
  EXPECT_EQ(ask_virsh({"hostname"}), name);
  EXPECT_EQ(ask_virsh({"uri"}), uri());
  EXPECT_THAT(ask_virsh({"version", "--daemon"}), HasSubstr("Running hypervisor: Samepage"));
  EXPECT_THAT(ask_virsh({"nodeinfo"}),
              AllOf(ContainsRegex("CPU model: *x86_64"), ContainsRegex("CPU.s.: *[1-9]"),
                    ContainsRegex("Memory size: *[1-9][0-9]* KiB")));
  EXPECT_THAT(ask_virsh({"nodememstats"}),
              AllOf(ContainsRegex("total *: *[1-9]"), ContainsRegex("free *: *[0-9]"), HasSubstr("buffers"),
                    HasSubstr("cached")));
  EXPECT_THAT(ask_virsh({"nodecpustats"}), AllOf(HasSubstr("user:"), HasSubstr("idle:")));
  EXPECT_THAT(ask_virsh({"nodecpumap"}), ContainsRegex("CPU map: *y"));
  EXPECT_THAT(ask_virsh({"freecell"}), ContainsRegex("Total: [1-9][0-9]* KiB"));
  EXPECT_THAT(ask_virsh({"freecell", "--all"}), ContainsRegex("0: *[1-9][0-9]* KiB"));
  EXPECT_THAT(ask_virsh({"capabilities"}), AllOf(StartsWith("<capabilities>"), HasSubstr("samepage")));
  EXPECT_THAT(ask_virsh({"domcapabilities"}), StartsWith("<domainCapabilities>"));
  EXPECT_THAT(ask_virsh({"maxvcpus"}), ContainsRegex("^[1-9]"));
  for (const Words& command :
       {Words{"sysinfo"}, Words{"net-list"}, Words{"pool-list"}, Words{"nodedev-list"}}) {
    EXPECT_THAT(refused(command), HasSubstr("this function is not supported by the connection driver"));
  }
}

TEST_F(Libvirt, MergingIsTunedAsKsmIs) {
  EXPECT_THAT(ask_virsh({"node-memory-tune"}),
              AllOf(HasSubstr("shm_sleep_millisecs"), HasSubstr("shm_pages_shared"),
                    HasSubstr("shm_pages_sharing"), HasSubstr("shm_full_scans")));
  EXPECT_EQ(ask_virsh({"node-memory-tune", "--shm-sleep-millisecs", "70"}), "");
  EXPECT_EQ(ask({"tune"}).at("interval"), "70ms");
  EXPECT_THAT(ask_virsh({"node-memory-tune"}), ContainsRegex("shm_sleep_millisecs *70"));
  EXPECT_NE(refused({"node-memory-tune", "--shm-merge-across-nodes", "0"}), "");
}

TEST_F(Libvirt, AReadOnlyConnectionChangesNothing) {
  start("mine", {"hello", "wait=1"});
  Words words = virsh_words({});
  words.insert(words.begin() + 1, "--readonly");
  const auto readonly = [&](const Words& command) {
    Words all = words;
    all.insert(all.end(), command.begin(), command.end());
    return run(all);
  };
  EXPECT_EQ(readonly({"domstate", "mine"}).out, "running\n");
  EXPECT_EQ(readonly({"destroy", "mine"}).code, 1);
  EXPECT_EQ(readonly({"define", definition("x", "hello", "")}).code, 1);
  EXPECT_EQ(ask({"ps"}).size(), 1U);
}

TEST_F(Libvirt, WhatIsWrongWithADefinitionIsSaid) {
  const auto wrong = [&](const std::string& xml) {
    const std::string path = directory_ + "/wrong.xml";
    std::ofstream(path) << xml;
    return refused({"define", path});
  };
  EXPECT_THAT(wrong("<domain type='samepage'><name>x"), HasSubstr("error: "));
  EXPECT_THAT(wrong("<domain type='xen'><name>x</name></domain>"), HasSubstr("xen"));
  EXPECT_THAT(wrong("<domain type='samepage'><name>x</name><memory>65536</memory><os><type>hvm</type>"
                    "<kernel>hello</kernel></os><devices><sound model='ac97'/></devices></domain>"),
              HasSubstr("sound"));
  EXPECT_EQ(ask_virsh({"list", "--all"}), "");
}

TEST_F(Libvirt, ThePythonBinding) {
  if (run({"/usr/bin/python3", "-c", "import libvirt"}).code != 0)
    GTEST_SKIP() << "there is no python3-libvirt";
  const Finished client = run({"/usr/bin/python3", SAMEPAGE_LIBVIRT_CLIENT, uri(),
                               definition("py", "hello", "wait=1", "<memballoon model='virtio'/>")});
  EXPECT_EQ(client.out, "done\n") << client.err;
}

TEST_F(Libvirt, OneServerASocket) {
  const Finished beside = samepage({"libvirtd", "--socket", directory_ + "/another"});
  EXPECT_EQ(beside.code, 1);
  EXPECT_THAT(beside.err, HasSubstr("another 'samepage libvirtd' keeps its definitions in"))
      << "each would undo the other's";
  const std::string config = directory_ + "/config";
  ::setenv("XDG_CONFIG_HOME", (directory_ + "/other-config").c_str(), 1);
  const Finished second = samepage({"libvirtd"});
  ::setenv("XDG_CONFIG_HOME", config.c_str(), 1);
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, AllOf(StartsWith("samepage: "), HasSubstr(socket_path())));
  EXPECT_EQ(samepage({"libvirtd", "--as", "xen:///"}).code, 1);
  EXPECT_EQ(samepage({"libvirtd", "--as", "qemu:///session", "--socket", "x"}).code, 2);
  EXPECT_EQ(ask_virsh({"list"}), "");
}

TEST_F(Libvirt, ClientsFindItWhereTheyLookByThemselves) {
  if (::geteuid() == 0) GTEST_SKIP() << "where root's clients look, a daemon of libvirt's own may be";
  end_server();
  ::setenv("XDG_RUNTIME_DIR", directory_.c_str(), 1);
  server_ =
      std::make_unique<Process>(Words{program("samepage"), "libvirtd", "--as", "qemu:///session"}, -1, 2);
  wait_until("the server listens",
             [&] { return static_cast<bool>(connect_local(directory_ + "/libvirt/libvirt-sock")); });
  const Finished found = run({"/usr/bin/virsh", "--connect", "qemu:///session", "version"});
  EXPECT_THAT(found.out, HasSubstr("Using API: QEMU")) << found.err;
  end_server();
  ::unsetenv("XDG_RUNTIME_DIR");
}

}  // namespace
}  // namespace samepage::system_test
