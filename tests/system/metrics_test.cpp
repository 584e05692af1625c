// SPDX-License-Identifier: Apache-2.0
// What metrics say of guests that run, and a real Prometheus that asks for them.
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <fstream>
#include <sstream>

#include "tests/system/host.hpp"
#include "tests/system/process.hpp"

namespace samepage::system_test {
namespace {

using boost::asio::ip::tcp;
using nlohmann::json;

// Empty where nobody answers.
std::string get(const std::string& port, const std::string& target) {
  tcp::iostream client("127.0.0.1", port);
  client << "GET " << target << " HTTP/1.0\r\n\r\n" << std::flush;
  std::stringstream answer;
  answer << client.rdbuf();
  const std::string text = answer.str();
  const std::size_t body = text.find("\r\n\r\n");
  return body == std::string::npos ? std::string() : text.substr(body + 4);
}

std::string free_port() {
  boost::asio::io_context io;
  return std::to_string(tcp::acceptor(io, tcp::endpoint(tcp::v4(), 0)).local_endpoint().port());
}

class Metrics : public Host {
 protected:
  void SetUp() override {
    Host::SetUp();
    if (IsSkipped()) return;
    kill_daemon();
    start_daemon({"--metrics", "127.0.0.1:0"});
    merge_fast();
    for (const char* name : {"a", "b"}) {
      start(name, {"fill", "common=300", "zero=50", "own=20"}, {"--mem", "16M"});
      wait_for_line(name, "ready");
    }
    settle();
    const std::string place =
        ask({"stat"}).at("daemon").at("metrics").at(0);  // http://127.0.0.1:PORT/metrics
    port_ = place.substr(place.rfind(':') + 1, place.rfind('/') - place.rfind(':') - 1);
  }
  std::string value(const std::string& sample) const {
    std::istringstream lines(get(port_, "/metrics"));
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(sample + " ")) return line.substr(sample.size() + 1);
    }
    return {};
  }
  std::string port_;
};

TEST_F(Metrics, AreWhatStatShows) {
  EXPECT_EQ(value("samepage_pages_sharing"), std::to_string(figure("pages_sharing")));
  EXPECT_EQ(value("samepage_zero_pages"), std::to_string(figure("zero_pages")));
  EXPECT_EQ(value("samepage_guests"), "2");
  const std::string labels = "{uid=\"" + std::to_string(::geteuid()) + "\",domain=\"default\",guest=\"a\"}";
  for (const char* key : {"ram_bytes", "shared_bytes", "zero_bytes", "private_bytes"}) {
    wait_until(std::string(key) + " is the kernel's", [&] {
      return value(std::string("samepage_guest_") + key + labels) == guest_figures("a").at(key).dump();
    });
  }
  std::uint64_t holds = 0;
  const nlohmann::json figures = guest_figures("a");
  for (const auto& of_bucket : figures.at("hold_us").at("holds")) holds += of_bucket.get<std::uint64_t>();
  EXPECT_EQ(holds, figures.at("holds"));
  EXPECT_EQ(value("samepage_guest_hold_seconds_count" + labels), std::to_string(holds));
}

// Names, units, help and histograms as Prometheus' own checker wants them. Debian 12's knows the text format
// alone.
TEST_F(Metrics, PromtoolFindsNothingToSayAgainstThem) {
  if (::access("/usr/bin/promtool", X_OK) != 0) GTEST_SKIP() << "prometheus is not installed";
  const std::string text = get(port_, "/metrics");
  ASSERT_NE(text.find("samepage_guest_hold_seconds_bucket{"), std::string::npos) << text;
  ASSERT_EQ(text.find("# EOF"), std::string::npos) << "OpenMetrics, which was not asked for";
  const std::string file = directory_ + "/metrics.txt";
  std::ofstream(file) << text;
  const Finished checked = run({"/bin/sh", "-c", "promtool check metrics < \"$0\"", file});
  EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
  EXPECT_EQ(checked.out + checked.err, "");
}

TEST_F(Metrics, PrometheusTakesThem) {
  const std::string prometheus = "/usr/bin/prometheus";
  if (::access(prometheus.c_str(), X_OK) != 0) GTEST_SKIP() << "prometheus is not installed";
  std::ofstream(directory_ + "/prometheus.yml")
      << "scrape_configs:\n  - job_name: samepage\n    scrape_interval: 200ms\n    scrape_timeout: 200ms\n"
      << "    static_configs:\n      - targets: ['127.0.0.1:" << port_ << "']\n";
  const std::string port = free_port();
  const Process server({prometheus, "--config.file=" + directory_ + "/prometheus.yml",
                        "--storage.tsdb.path=" + directory_ + "/tsdb",
                        "--web.listen-address=127.0.0.1:" + port, "--log.level=error"},
                       -1, 2);
  const auto answer = [&](const std::string& query) {
    const json body = json::parse(get(port, "/api/v1/query?query=" + query), nullptr, false);
    if (!body.is_object() || !body.contains("data") || body["data"]["result"].empty()) return std::string();
    return body["data"]["result"][0]["value"][1].get<std::string>();
  };
  wait_until("Prometheus has the figures",
             [&] { return answer("samepage_pages_sharing") == std::to_string(figure("pages_sharing")); });
  EXPECT_EQ(answer("up"), "1");
  EXPECT_EQ(answer("count(samepage_guest_breaks_total)"), "2");
  EXPECT_EQ(answer("count(samepage_guest_hold_seconds_bucket)"), "22") << "two histograms";
  const json targets = json::parse(get(port, "/api/v1/targets"));
  EXPECT_EQ(targets["data"]["activeTargets"][0]["lastError"], "");
}

}  // namespace
}  // namespace samepage::system_test
