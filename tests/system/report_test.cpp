// SPDX-License-Identifier: Apache-2.0
// `samepage report` with real guests, and its page in a real browser where there is one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/system/host.hpp"
#include "tests/system/process.hpp"

namespace samepage::system_test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void put(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

class Report : public Host {
 protected:
  void SetUp() override {
    Host::SetUp();
    if (IsSkipped()) return;
    merge_fast();
    for (const char* name : {"left", "right"}) start(name, {"fill", "common=300", "zero=100"});
    start("alone", {"fill", "common=300"}, {"--domain", "apart"});
    for (const char* name : {"left", "right", "alone"}) wait_for_line(name, "ready");
    settle();
  }
  [[nodiscard]] std::string file(const std::string& name) const { return directory_ + "/" + name; }
};

TEST_F(Report, ShowsWhatRunsAndWhoSharesWithWhom) {
  const Finished page = samepage({"report", "--for", "0.5", "--interval", "0.1", "-o", file("page.html")});
  ASSERT_EQ(page.code, 0) << page.err;
  EXPECT_THAT(page.out, HasSubstr("page.html"));
  const std::string html = content_of(file("page.html"));
  for (const char* text : {"Net saved", "left", "right", "alone", "Who shares with whom", "</html>"}) {
    EXPECT_THAT(html, HasSubstr(text));
  }
  const nlohmann::json body = ask({"report", "--for", "0.3", "--interval", "0.1"});
  EXPECT_GE(body.at("samples"), 2);
  EXPECT_GT(body.at("net_saved_bytes"), 0);
  const nlohmann::json& sharing = body.at("sharing");
  std::vector<std::string> names;
  for (const auto& guest : sharing.at("guests")) names.push_back(guest.at("name"));
  EXPECT_EQ(names, (std::vector<std::string>{"alone", "left", "right"}));
  // The 300 common pages, and the image of the guest.
  EXPECT_GE(sharing.at("bytes")[1][2], 300 * 4096);
  EXPECT_EQ(sharing.at("bytes")[0][1], 0) << "another domain";
}

TEST_F(Report, ARecordSurvivesWhateverEndsTheRecorder) {
  const std::string record = file("record");
  const auto lines = [&] {
    const std::string text = content_of(record);
    return std::count(text.begin(), text.end(), '\n');
  };
  for (const int signal : {SIGKILL, SIGINT}) {
    const auto before = lines();
    Process recorder({program("samepage"), "report", "--record", record, "--interval", "0.1"}, -1, -1);
    wait_until("there are more samples", [&] { return lines() >= before + 4; });
    recorder.signal(signal);
    EXPECT_EQ(recorder.wait(), signal == SIGKILL ? 128 + SIGKILL : 0);
    if (signal == SIGINT) continue;
    ASSERT_EQ(::truncate(record.c_str(), static_cast<off_t>(content_of(record).size() - 9)), 0);
  }
  const nlohmann::json body = ask({"report", record});
  EXPECT_GE(body.at("samples"), 4);
  EXPECT_EQ(body.at("damaged_lines"), 1);
  EXPECT_EQ(body.at("guests").size(), 3U);
  EXPECT_EQ(samepage({"report", record, "-o", file("page.html")}).code, 0);
  EXPECT_EQ(samepage({"report", file("page.html")}).code, 1) << "a page is not a record";
  EXPECT_EQ(samepage({"report", record, "--for", "1"}).code, 2);
}

// What in a page of that width does not fit or lies over something else; asked of the browser itself.
constexpr const char* page_check = R"js(
const problems = [];
const check = (frame, width) => {
  const page = frame.contentDocument, seen = name => [...page.querySelectorAll(name)].filter(e => e.offsetWidth > 0);
  if (page.documentElement.scrollWidth > width) problems.push(width + ': wider than the window');
  for (const plot of seen('.plot')) {
    if (!plot.querySelector('.tip')) problems.push(width + ': the script of the page does not run');
  }
  const groups = ['.tile', '.guest', 'figure', 'h1,h2,h3', '.legend li'];
  const sets = groups.map(seen).concat(seen('.x').map(e => [...e.children].filter(c => c.offsetWidth)),
    seen('.y').map(e => [...e.children]), seen('.bars').map(e => [...e.children]));
  for (const set of sets) {
    const boxes = set.map(e => e.getBoundingClientRect());
    for (let i = 0; i < set.length; i++) {
      if (boxes[i].left < -1 || boxes[i].right > width + 1) problems.push(width + ': outside: ' + set[i].textContent);
      for (let j = i + 1; j < set.length; j++) {
        const a = boxes[i], b = boxes[j];
        if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1) {
          problems.push(width + ': ' + set[i].textContent + ' lies over ' + set[j].textContent);
        }
      }
    }
  }
};
window.onload = () => {
  for (const frame of document.querySelectorAll('iframe')) check(frame, frame.clientWidth);
  document.body.replaceChildren('checked:' + document.querySelectorAll('iframe').length, ...problems.map(p => ' [' + p + ']'));
  document.body.append(':end');
};
)js";

std::string browser() {
  for (const char* path : {"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return {};
}

std::string in_attribute(std::string text) {
  for (const auto& [what, with] : {std::pair{"&", "&amp;"}, {"\"", "&quot;"}}) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos;
         at += std::string(with).size()) {
      text.replace(at, 1, with);
    }
  }
  return text;
}

TEST_F(Report, FitsAPhoneAndADesktop) {
  if (browser().empty()) GTEST_SKIP() << "there is no chromium";
  ASSERT_EQ(samepage({"report", "--for", "0.5", "--interval", "0.1", "-o", file("page.html")}).code, 0);
  const std::string page = in_attribute(content_of(file("page.html")));
  std::string wrapper = "<!DOCTYPE html><body>";
  for (const char* width : {"400", "1180"}) {
    wrapper += std::string("<iframe style=\"border:0\" width=\"") + width + "\" height=\"900\" srcdoc=\"" +
               page + "\"></iframe>";
  }
  put(file("check.html"), wrapper + "<script>" + page_check + "</script></body>");
  const Finished checked = run({browser(), "--headless", "--no-sandbox", "--disable-gpu",
                                "--user-data-dir=" + file("browser"), "--window-size=1300,900",
                                "--virtual-time-budget=5000", "--dump-dom", "file://" + file("check.html")});
  EXPECT_EQ(checked.code, 0);
  EXPECT_THAT(checked.out, HasSubstr("checked:2:end"));
}

}  // namespace
}  // namespace samepage::system_test
