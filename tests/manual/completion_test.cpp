// SPDX-License-Identifier: Apache-2.0
#include "manual/completion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/temporary_directory.hpp"
#include "manual/programs.hpp"

namespace samepage::manual {
namespace {

using cli::OptionText;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Kind = Candidates::Kind;

TEST(Candidates, AreReadFromHowAValueIsWritten) {
  EXPECT_EQ(candidates({"--rom", "FILE@ADDRESS", "", ""}).kind, Kind::file);
  EXPECT_EQ(candidates({"--entry", "auto|linux64", "", ""}), (Candidates{Kind::words, {"auto", "linux64"}}));
  EXPECT_EQ(candidates({"--escape", "^X|CHARACTER|none", "", ""}), (Candidates{Kind::words, {"none"}}));
  EXPECT_EQ(candidates({"--mem", "SIZE", "", ""}).kind, Kind::nothing);
  EXPECT_EQ(candidates({"GUEST", "", "", ""}).kind, Kind::guest);
  EXPECT_EQ(candidates({"IMAGE", "", "", ""}).kind, Kind::image);
  EXPECT_THAT(candidates({"SETTING", "", "", ""}).words, Contains("interval="));
}

// bash with our script, and a program `samepage` that answers what it would ask.
class BashCompletion : public testing::Test {
 protected:
  BashCompletion() {
    std::ofstream(folder_.path() + "/completion") << bash_completion(our_programs().samepage);
    const std::string program = folder_.path() + "/samepage";
    std::ofstream(program) << "#!/bin/sh\ncase \"$*\" in\nps) printf 'NAME PID\\nweb-1 12\\nweb-2 13\\n' ;;\n"
                              "'image list') printf 'NAME FILE\\nfill /x\\nhello /y\\n' ;;\nesac\n";
    ::chmod(program.c_str(), 0700);
    std::ofstream(folder_.path() + "/kernel.bin") << "x";
  }

  // What Tab offers behind these words, the last of which may be empty.
  std::vector<std::string> offers(const std::vector<std::string>& words) const {
    std::string list;
    for (const std::string& word : words) list += " '" + word + "'";
    const std::string last = words.back(), before = words.size() < 2 ? "samepage" : words[words.size() - 2];
    std::ofstream(folder_.path() + "/ask")
        << "cd '" << folder_.path() << "'\nsource ./completion\nCOMP_WORDS=(samepage" << list
        << ")\nCOMP_CWORD=" << words.size() << "\n_samepage '" << folder_.path() << "/samepage' '" << last
        << "' '" << before << "'\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
    FILE* bash = ::popen(("bash --norc " + folder_.path() + "/ask").c_str(), "r");
    std::vector<std::string> offered;
    std::string text;
    for (std::array<char, 256> part{}; std::fgets(part.data(), part.size(), bash) != nullptr;)
      text += part.data();
    EXPECT_EQ(::pclose(bash), 0);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      if (!line.empty()) offered.push_back(line);
    return offered;
  }

  const TemporaryDirectory folder_;
};

TEST_F(BashCompletion, CommandsAndOptions) {
  EXPECT_THAT(offers({"pau"}), ElementsAre("pause"));
  EXPECT_THAT(offers({"image", ""}), UnorderedElementsAre("import", "list"));
  EXPECT_THAT(offers({"run", "--dom"}), ElementsAre("--domain"));
  EXPECT_THAT(offers({"image", "list", "--j"}), ElementsAre("--json"));
  EXPECT_THAT(offers({"nonsense", ""}), IsEmpty());
}

TEST_F(BashCompletion, GuestsThatRunAndImagesThatThereAre) {
  EXPECT_THAT(offers({"stop", ""}), UnorderedElementsAre("web-1", "web-2"));
  EXPECT_THAT(offers({"stop", "web-1", "web-2"}), ElementsAre("web-2"));
  EXPECT_THAT(offers({"run", "--mem", "32M", "fi"}), ElementsAre("fill"));
  EXPECT_THAT(offers({"run", "./ker"}), ElementsAre("./kernel.bin"));
  EXPECT_THAT(offers({"dump", "web-1", "ker"}), ElementsAre("kernel.bin"));
}

TEST_F(BashCompletion, ValuesOfOptions) {
  EXPECT_THAT(offers({"run", "--entry", "li"}), ElementsAre("linux64"));
  EXPECT_THAT(offers({"run", "--entry", "=", "li"}),
              ElementsAre("linux64"));  // as bash takes --entry=li apart
  EXPECT_THAT(offers({"run", "--initrd", "k"}), ElementsAre("kernel.bin"));
  EXPECT_THAT(offers({"run", "--mem", ""}), IsEmpty());
  EXPECT_THAT(offers({"tune", "inter"}), ElementsAre("interval="));
}

TEST_F(BashCompletion, TheGuestsOwnWordsAreLeftAlone) {
  EXPECT_THAT(offers({"run", "hello", "--", "st"}), IsEmpty());
}

TEST(ZshCompletion, HasAFunctionForEachCommandAndQuotesWhatZshWouldRead) {
  const cli::CommandText program{
      "samepage", "", "", {}, {{"run", "Run it", "", {{"--key", "^X|none", "A key: 'x' [or not]", ""}}, {}}}};
  const std::string script = zsh_completion(program);
  EXPECT_THAT(script, testing::StartsWith("#compdef samepage\n"));
  EXPECT_THAT(script, testing::HasSubstr("_samepage_run() {\n"));
  EXPECT_THAT(script, testing::HasSubstr("'--key[A key\\: '\\''x'\\'' \\[or not\\]]:^X|none:(none)'"));
}

}  // namespace
}  // namespace samepage::manual
