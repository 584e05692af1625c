// SPDX-License-Identifier: Apache-2.0
// What becomes of domains, whoever does it: how they end, what outlives the server, what defines them again.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/system/libvirt.hpp"

namespace samepage::system_test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

TEST_F(Libvirt, ADomainTellsHowItEnded) {
  const auto start = [&](const std::string& image, const std::string& words) {
    static_cast<void>(virsh({"undefine", "end"}));  // there is one from the second time on
    ask_virsh({"define", definition("end", image, words)});
    ask_virsh({"start", "end"});
  };
  const auto is = [&](const std::string& state) {
    wait_until("the domain is " + state, [&] { return ask_virsh({"domstate", "end", "--reason"}) == state; });
  };
  start("hello", "exit=9");
  is("shut off (shutdown)");
  EXPECT_THAT(ask_virsh({"dominfo", "end"}), HasSubstr("the guest ended with code 9"));
  start("misbehave", "how=triple-fault");
  is("shut off (crashed)");
  EXPECT_THAT(ask_virsh({"dominfo", "end"}), HasSubstr("triple fault"));
  start("hello", "wait=1");
  ASSERT_EQ(samepage({"kill", "end"}).code, 0);
  is("shut off (destroyed)");
  start("hello", "wait=1");
  ::kill(static_cast<pid_t>(std::stoi(ask_virsh({"domid", "end"}))), SIGKILL);
  is("shut off (crashed)");
  // Nobody has to remember it.
  end_server();
  start_server();
  is("shut off (crashed)");
}

TEST_F(Libvirt, WhatIsMarkedStartsOnceForEachStartOfTheHost) {
  ask_virsh({"define", definition("auto", "hello", "wait=1")});
  ask_virsh({"define", definition("other", "hello", "wait=1")});
  ask_virsh({"autostart", "auto"});
  end_server();
  std::ofstream(directory_ + "/config/samepage/libvirt/broken.xml") << "<domain";
  std::ofstream(directory_ + "/libvirt-autostarted") << "another start of the host";
  start_server();
  wait_until("it runs", [&] { return ask_virsh({"domstate", "auto"}) == "running"; });
  EXPECT_EQ(ask_virsh({"domstate", "other"}), "shut off");
  EXPECT_THAT(ask_virsh({"list", "--all", "--name"}), testing::Not(HasSubstr("broken")));
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/config/samepage/libvirt/broken.xml"));
  ask_virsh({"destroy", "auto"});
  end_server();
  start_server();
  ask_virsh({"start", "other"});  // by now the one before would run
  EXPECT_EQ(ask_virsh({"domstate", "auto"}), "shut off");
}

TEST_F(Libvirt, AGuestKeepsWhatItWasCreatedWith) {
  const std::string file = directory_ + "/kept.xml";
  std::ofstream(file)
      << "<domain type='kvm' xmlns:samepage='https://samepage.dev/libvirt/1'><name>kept</name>"
         "<title>A title</title><metadata><a:b xmlns:a='urn:a'/></metadata><memory>16384</memory>"
         "<os><type>hvm</type><kernel>hello</kernel><cmdline>wait=1</cmdline></os>"
         "<devices><memballoon model='none'/></devices><samepage:merge domain='tenant'/></domain>";
  ask_virsh({"create", file});
  const std::string xml = ask_virsh({"dumpxml", "kept"});
  end_server();
  start_server();
  EXPECT_EQ(ask_virsh({"dumpxml", "kept"}), xml);
  EXPECT_THAT(xml, HasSubstr("<title>A title</title>"));
  EXPECT_THAT(xml, HasSubstr("<a:b xmlns:a='urn:a'"));
  EXPECT_EQ(guest_figures("kept").at("domain"), "tenant");
  // It becomes persistent while it runs, and the same again when it has ended.
  std::ofstream(file) << xml;
  ask_virsh({"define", file});
  ask_virsh({"destroy", "kept"});
  ask_virsh({"start", "kept"});
  EXPECT_THAT(ask_virsh({"dumpxml", "kept"}), ContainsRegex("id='[0-9]+'"));
  EXPECT_EQ(guest_figures("kept").at("domain"), "tenant");
}

}  // namespace
}  // namespace samepage::system_test
