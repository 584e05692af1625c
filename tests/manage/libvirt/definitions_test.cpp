// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/definitions.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/temporary_directory.hpp"
#include "manage/libvirt/domain_xml.hpp"
#include "manage/libvirt/error.hpp"

namespace samepage::libvirt {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

DomainDefinition domain(const std::string& name) {
  DomainDefinition one;
  one.name = name;
  one.uuid = uuid_of_text(name);
  one.memory_kib = one.current_kib = 65'536;
  one.kernel = "/boot/vmlinuz";
  return one;
}

// No file can be written while it lives.
class FullDisk {
 public:
  FullDisk() {
    former_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &former_);
    const rlimit none{0, former_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &former_);
    std::signal(SIGXFSZ, former_handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit former_{};
  void (*former_handler_)(int) = nullptr;
};

class DefinitionsTest : public testing::Test {
 protected:
  [[nodiscard]] std::string directory() const { return directory_.path() + "/a/b"; }
  [[nodiscard]] Definitions opened() const { return Definitions(directory()); }
  void write(const std::string& file, const std::string& text) const {
    fs::create_directories(directory());
    std::ofstream(directory() + "/" + file) << text;
  }
  [[nodiscard]] std::string content(const std::string& file) const {
    std::ifstream stream(directory() + "/" + file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  TemporaryDirectory directory_;
};

TEST_F(DefinitionsTest, OutliveTheirProgram) {
  {
    Definitions definitions = opened();
    EXPECT_THAT(definitions.all(), IsEmpty());
    definitions.put(domain("web"));
    definitions.put(domain("db"));
    definitions.set_starts_with_host("db", true);
    definitions.remove("web");
  }
  Definitions definitions = opened();
  EXPECT_THAT(definitions.take_complaints(), IsEmpty());
  ASSERT_NE(definitions.find("db"), nullptr);
  EXPECT_EQ(definitions.find("db")->uuid, uuid_of_text("db"));
  EXPECT_TRUE(definitions.starts_with_host("db"));
  EXPECT_EQ(definitions.find("web"), nullptr);
  definitions.remove("db");
  EXPECT_FALSE(definitions.starts_with_host("db"));
  EXPECT_FALSE(fs::exists(fs::symlink_status(directory() + "/autostart/db.xml")));
}

TEST_F(DefinitionsTest, ABrokenFileIsComplainedOfAndLeftAlone) {
  write("broken.xml", "<domain");
  write("other.xml", domain_xml(domain("web")));
  write("web.xml", domain_xml(domain("web")));
  DomainDefinition same = domain("zoo");
  same.uuid = uuid_of_text("web");
  write("zoo.xml", domain_xml(same));
  write("notes.txt", "not ours");
  write(".samepage-Ab12xy", "what a power failure left");
  Definitions definitions = opened();
  EXPECT_EQ(definitions.all().size(), 1U);
  EXPECT_THAT(definitions.take_complaints(),
              ElementsAre(HasSubstr("broken.xml is left out"), HasSubstr("its domain is called 'web'"),
                          HasSubstr("domain 'web' has its UUID")));
  EXPECT_THAT(definitions.take_complaints(), IsEmpty()) << "once";
  EXPECT_THROW(definitions.put(domain("broken")), Error) << "somebody may want to mend it";
  EXPECT_EQ(content("broken.xml"), "<domain");
}

TEST_F(DefinitionsTest, AFileWithoutUuidKeepsTheOneThatItGets) {
  DomainDefinition by_hand = domain("web");
  by_hand.uuid.reset();
  write("web.xml", domain_xml(by_hand));
  const auto first = opened().find("web")->uuid;
  ASSERT_TRUE(first);
  EXPECT_EQ(opened().find("web")->uuid, first);
}

TEST_F(DefinitionsTest, WhatCannotBeKeptIsNotThere) {
  Definitions definitions(directory() + "/dir");
  write("dir", "a file in its place");
  EXPECT_THROW(definitions.put(domain("web")), Error);
  EXPECT_EQ(definitions.find("web"), nullptr);
}

TEST_F(DefinitionsTest, AnUpdateThatFailsLeavesTheOldOne) {
  Definitions definitions = opened();
  definitions.put(domain("web"));
  const std::string before = content("web.xml");
  DomainDefinition changed = domain("web");
  changed.vcpus = 7;
  {
    const FullDisk full;
    EXPECT_THROW(definitions.put(changed), Error);
  }
  EXPECT_EQ(content("web.xml"), before);
  EXPECT_EQ(definitions.find("web")->vcpus, 1U);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory()), fs::directory_iterator()), 1)
      << "nothing half made";
}

}  // namespace
}  // namespace samepage::libvirt
