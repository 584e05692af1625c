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

TEST_F(Report, HasWhatAnAnalysisFoundOrSaysWhatIsWrongWithIt) {
  for (const char* guest : {"left", "right"}) ASSERT_EQ(samepage({"dump", guest, file(guest)}).code, 0);
  const Finished analysis = samepage({"analyze", file("left"), file("right"), "--json"});
  ASSERT_EQ(analysis.code, 0) << analysis.err;
  put(file("analysis.json"), analysis.out);
  const Words words{"report", "--for", "0.3", "--interval", "0.1", "-o", file("page.html"), "--analysis"};
  const auto report_with = [&](const std::string& path) {
    Words all = words;
    all.push_back(path);
    return samepage(all);
  };
  const Finished page = report_with(file("analysis.json"));
  ASSERT_EQ(page.code, 0) << page.err;
  const std::string html = content_of(file("page.html"));
  for (const std::string& text : {file("left"), file("right"), std::string("all together")}) {
    EXPECT_NE(html.find("<th scope=\"row\">" + text + "</th>"), std::string::npos) << text;
  }
  ASSERT_EQ(samepage({"report", "--for", "0.3", "--interval", "0.1", "-o", file("page.html")}).code, 0);
  EXPECT_EQ(content_of(file("page.html")).find("all together"), std::string::npos) << "without an analysis";

  put(file("other.json"), "{\"guests\": 3}");
  for (const auto& [path, reason] :
       {std::pair{file("other.json"), "is not what 'samepage analyze --json' prints"},
        std::pair{file("none"), "cannot read the analysis"}}) {
    const Finished refused = report_with(path);
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.err, HasSubstr(reason));
    EXPECT_THAT(refused.err, HasSubstr(path));
  }
}

// What in a page of that width does not fit, lies over something else or can't be read; asked of the browser
// itself. A theme is dark or light.
constexpr const char* page_check = R"js(
const problems = [];
const channels = colour => {
  const all = colour.match(/[\d.]+/g).map(Number);
  return all.length < 4 ? all.concat(1) : all;
};
const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
const luminance = colour => colour.slice(0, 3).map(c => c / 255)
  .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const backdrop = (view, e) => {
  if (!e) return [255, 255, 255, 1];
  const own = channels(view.getComputedStyle(e).backgroundColor);
  return own[3] === 1 ? own : over(own, backdrop(view, e.parentElement));
};
const contrast = (view, e) => {
  const under = backdrop(view, e), text = over(channels(view.getComputedStyle(e).color), under);
  const [low, high] = [luminance(text), luminance(under)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const has_text = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
const check_theme = (view, width, theme, seen) => {
  if (view.matchMedia('(prefers-color-scheme: dark)').matches !== (theme === 'dark')) {
    problems.push(width + ': not the ' + theme + ' theme');
  }
  const dark = luminance(backdrop(view, view.document.body)) < 0.5;
  if (dark !== (theme === 'dark')) problems.push(width + ': the page is ' + (dark ? 'dark' : 'light'));
  const texts = seen('main *').filter(has_text);
  if (texts.length < 50) problems.push(width + ': hardly any text');
  for (const e of texts) {
    if (contrast(view, e) < 4.5) problems.push(width + ': ' + contrast(view, e) + ' of contrast: ' + e.textContent);
  }
};
const check_tiles = (width, tiles, list) => {
  if (tiles.length !== 7) problems.push(width + ': ' + tiles.length + ' tiles');
  for (const tile of tiles) {
    const lasts = tiles.filter(t => t.offsetTop === tile.offsetTop).map(t => t.offsetLeft + t.offsetWidth);
    if (Math.max(...lasts) < list.offsetLeft + list.offsetWidth - 2) {
      problems.push(width + ': the row ends behind: ' + tile.textContent);
    }
    if ([...tile.children].some(e => e.scrollWidth > e.clientWidth)) {
      problems.push(width + ': too narrow: ' + tile.textContent);
    }
  }
};
const check = (frame, width, theme) => {
  const page = frame.contentDocument, seen = name => [...page.querySelectorAll(name)].filter(e => e.offsetWidth > 0);
  check_theme(frame.contentWindow, width, theme, seen);
  check_tiles(width, seen('.tile'), page.querySelector('.tiles'));
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
  const frames = document.querySelectorAll('iframe');
  for (const frame of frames) check(frame, frame.clientWidth, document.body.className);
  document.body.replaceChildren('checked:' + frames.length, ...problems.map(p => ' [' + p + ']'));
  document.body.append(':end');
};
)js";

std::string browser() {
  for (const char* path : {"/usr/bin/chromium-headless-shell", "/usr/bin/chromium",
                           "/usr/bin/chromium-browser", "/usr/bin/google-chrome"}) {
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

// Frames of these widths with the page in them. They have the colours that the browser was asked for because
// the page around them leaves both to it.
std::string in_frames(const std::string& page, const std::string& theme) {
  std::string wrapper =
      "<!DOCTYPE html><meta name=\"color-scheme\" content=\"light dark\"><body class=\"" + theme + "\">";
  for (const char* width : {"400", "944", "1180"}) {
    wrapper += std::string("<iframe style=\"border:0\" width=\"") + width + "\" height=\"900\" srcdoc=\"" +
               in_attribute(page) + "\"></iframe>";
  }
  return wrapper + "<script>" + page_check + "</script></body>";
}

TEST_F(Report, FitsAPhoneAndADesktopInTheLightAndInTheDark) {
  if (browser().empty()) GTEST_SKIP() << "there is no chromium";
  ASSERT_EQ(samepage({"report", "--for", "0.5", "--interval", "0.1", "-o", file("page.html")}).code, 0);
  const std::string page = content_of(file("page.html"));
  for (const auto& [theme, setting] : {std::pair{"light", "1"}, {"dark", "0"}}) {
    put(file("check.html"), in_frames(page, theme));
    const Finished checked =
        run({browser(), "--headless", "--no-sandbox", "--disable-gpu",
             std::string("--blink-settings=preferredColorScheme=") + setting,
             "--user-data-dir=" + file("browser"), "--window-size=1300,900", "--virtual-time-budget=5000",
             "--dump-dom", "file://" + file("check.html")});
    EXPECT_EQ(checked.code, 0) << theme;
    EXPECT_THAT(checked.out, HasSubstr("checked:3:end")) << theme;
  }
}

}  // namespace
}  // namespace samepage::system_test
