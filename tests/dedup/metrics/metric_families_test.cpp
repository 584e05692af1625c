// SPDX-License-Identifier: Apache-2.0
#include "dedup/metrics/metric_families.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "dedup/hold_times_json.hpp"
#include "dedup/host_figures.hpp"
#include "tests/dedup/metrics/parsed_metrics.hpp"

namespace samepage::dedup {
namespace {

using Guest = MetricsSnapshot::Guest;

// Each figure has a value.
MetricsSnapshot full_snapshot() {
  MetricsSnapshot snapshot;
  for (const Figure& figure : host_figures()) {
    nlohmann::json& value = snapshot.host[std::string(figure.key)];
    value = std::uint64_t{1};
    if (figure.unit == Unit::text) value = "rehash";
    if (figure.kind == Kind::histogram) value = to_json(HoldTimes{});
  }
  Guest guest{1000, "default", "web-1", true, 100, {}};
  guest.report.ram_pages = 100;
  guest.report.passes = 3;
  guest.shortages.push_back({Resource::descriptors, std::chrono::milliseconds(1), 0});
  snapshot.guests.push_back(guest);
  snapshot.domains.push_back({1000, "default", 1, 2, 3, 4, 5, 6, 7, 8});
  snapshot.users.push_back({1000, 5, 100, 2});
  snapshot.users.push_back({0, 6, std::nullopt, 0});
  snapshot.guests_in_all = 1;
  return snapshot;
}

ParsedMetrics parsed(const MetricsSnapshot& snapshot, MetricFormat format = MetricFormat::prometheus) {
  return parse_metrics(metrics_text(snapshot, format));
}

TEST(MetricFamilies, EachKnownMetricIsWrittenWithItsTypeAndHelp) {
  for (const MetricFormat format : {MetricFormat::openmetrics, MetricFormat::prometheus}) {
    const bool open = format == MetricFormat::openmetrics;
    const ParsedMetrics metrics = parsed(full_snapshot(), format);
    EXPECT_EQ(metrics.ended, open);
    std::set<std::string> expected;
    for (const KnownMetric& known : known_metrics()) {
      const std::string name = open ? known.family.name : known.family.full_name();
      EXPECT_TRUE(expected.insert(name).second) << name;
      EXPECT_TRUE(metrics.types.contains(name)) << name;
      EXPECT_FALSE(known.family.help.empty()) << name;
      EXPECT_TRUE(known.family.unit.empty() || known.family.name.ends_with("_" + known.family.unit)) << name;
    }
    EXPECT_EQ(metrics.types.size(), expected.size()) << "there is one that known_metrics() has not";
  }
}

TEST(MetricFamilies, NamesAreThoseOfPrometheusConventions) {
  for (const KnownMetric& known : known_metrics()) {
    const std::string name = known.family.full_name();
    EXPECT_THAT(name, testing::MatchesRegex("(samepage|process)_[a-z_]+")) << name;
    EXPECT_EQ(name.ends_with("_total"), known.family.type == MetricType::counter) << name;
    for (const char* suffix : {"_us", "_count", "_sum", "_bucket", "_pages_total"}) {
      EXPECT_FALSE(name.ends_with(suffix)) << name;
    }
  }
}

TEST(MetricFamilies, ValuesAreInBaseUnits) {
  MetricsSnapshot snapshot = full_snapshot();
  snapshot.host["net_saved_bytes"] = -4096;
  snapshot.host["hold_max_us"] = 1500;
  snapshot.host["merge_cpu_us"] = 2'000'000;
  wire::Report& report = snapshot.guests[0].report;
  report.own_pages = 2;
  report.merge_cpu_us = 10;
  report.breaks = 9;
  report.hold_times.holds[1] = 4;
  const ParsedMetrics metrics = parsed(snapshot);
  EXPECT_EQ(metrics.value("samepage_net_saved_bytes"), "-4096");
  EXPECT_EQ(metrics.value("samepage_hold_max_seconds"), "0.001500");
  EXPECT_EQ(metrics.value("samepage_merge_cpu_seconds_total"), "2.000000");
  EXPECT_EQ(metrics.value("samepage_tracker_info{tracker=\"rehash\"}"), "1");
  const std::string labels = "{uid=\"1000\",domain=\"default\",guest=\"web-1\"}";
  EXPECT_EQ(metrics.value("samepage_guest_private_bytes" + labels), "8192");
  EXPECT_EQ(metrics.value("samepage_guest_ram_bytes" + labels), "409600");
  EXPECT_EQ(metrics.value("samepage_guest_merge_cpu_seconds_total" + labels), "0.000010");
  EXPECT_EQ(metrics.value("samepage_guest_breaks_total" + labels), "9");
  EXPECT_EQ(metrics.value("samepage_guest_hold_seconds_count" + labels), "4");
  EXPECT_EQ(metrics.value("samepage_domain_store_bytes{uid=\"1000\",domain=\"default\"}"), "7");
  EXPECT_EQ(metrics.value("samepage_user_limit_bytes{uid=\"1000\"}"), "100");
  EXPECT_EQ(metrics.value("samepage_user_limit_bytes{uid=\"0\"}"), "none") << "there is no limit";
}

TEST(MetricFamilies, ShortagesAreToldByTheNamesOfTheirResources) {
  MetricsSnapshot snapshot = full_snapshot();
  snapshot.shortages.push_back({Resource::memory, std::chrono::milliseconds(1500), 3});
  snapshot.guests[0].shortages.push_back({Resource::mappings, std::chrono::milliseconds(12'000), 340});
  const ParsedMetrics metrics = parsed(snapshot);
  EXPECT_EQ(metrics.value("samepage_shortage_seconds{resource=\"memory\"}"), "1.500000");
  EXPECT_EQ(metrics.value("samepage_shortage_seconds{resource=\"disk\"}"), "0.000000");
  const std::string labels = "{uid=\"1000\",domain=\"default\",guest=\"web-1\",resource=";
  EXPECT_EQ(metrics.value("samepage_guest_shortage_seconds" + labels + "\"mappings\"}"), "12.000000");
  EXPECT_EQ(metrics.value("samepage_guest_shortage_seconds" + labels + "\"memory\"}"), "none");
}

TEST(MetricFamilies, GuestsOfOneNameAreToldApart) {
  MetricsSnapshot snapshot = full_snapshot();
  snapshot.guests.push_back(snapshot.guests[0]);
  snapshot.guests.push_back(snapshot.guests[0]);
  snapshot.guests.push_back(snapshot.guests[0]);
  snapshot.guests[3].domain = "other";
  const ParsedMetrics metrics = parsed(snapshot);  // which takes no sample twice
  EXPECT_EQ(metrics.value("samepage_guest_connected{uid=\"1000\",domain=\"default\",guest=\"web-1#3\"}"),
            "1");
  EXPECT_EQ(metrics.value("samepage_guest_connected{uid=\"1000\",domain=\"other\",guest=\"web-1\"}"), "1");
}

TEST(MetricFamilies, WhatAnAgentHasNotToldIsLeftOut) {
  MetricsSnapshot snapshot = full_snapshot();
  snapshot.guests[0].report = {};  // it has only just joined
  const std::string labels = "{uid=\"1000\",domain=\"default\",guest=\"web-1\"}";
  ParsedMetrics metrics = parsed(snapshot);
  EXPECT_EQ(metrics.value("samepage_guest_connected" + labels), "1");
  EXPECT_EQ(metrics.value("samepage_guest_breaks_total" + labels), "none");
  snapshot.guests[0].report.passes = 1;  // it is of a former version
  metrics = parsed(snapshot);
  EXPECT_EQ(metrics.value("samepage_guest_breaks_total" + labels), "0");
  EXPECT_EQ(metrics.value("samepage_guest_private_bytes" + labels), "none");
  EXPECT_EQ(metrics.value("samepage_guest_hold_seconds_count" + labels), "none");
}

TEST(MetricFamilies, NamesOfWhateverBytesMakeNoFurtherLines) {
  MetricsSnapshot snapshot = full_snapshot();
  snapshot.guests[0].name = "x\"} 1\nsamepage_net_saved_bytes 9\n# \\";
  snapshot.domains[0].label = "\xff\n";
  EXPECT_EQ(parsed(snapshot, MetricFormat::openmetrics).value("samepage_net_saved_bytes"), "1");
}

std::string document(const std::string& name) {
  std::ifstream file(std::string(SAMEPAGE_DOCUMENTS "/") + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(MetricFamilies, DashboardAndAlertsAskForWhatThereIs) {
  std::set<std::string> names;
  for (const KnownMetric& known : known_metrics()) {
    names.insert(known.family.full_name());
    if (known.family.type == MetricType::histogram) names.insert(known.family.name + "_bucket");
  }
  static const std::regex name("(samepage|process)_[a-z_]+");
  for (const char* file : {"grafana-dashboard.json", "alerts.yml", "alerts.test.yml"}) {
    const std::string text = document(file);
    int found = 0;
    for (auto it = std::sregex_iterator(text.begin(), text.end(), name); it != std::sregex_iterator(); ++it) {
      EXPECT_TRUE(names.contains(it->str())) << file << ": " << it->str();
      ++found;
    }
    EXPECT_GT(found, 5) << file;
  }
  EXPECT_TRUE(nlohmann::json::accept(document("grafana-dashboard.json")));
}

// docs/metrics.md has a row for each metric, made of the same lists.
TEST(MetricFamilies, TheDocumentHasTheSame) {
  const std::string text = document("metrics.md");
  std::string rows;
  for (const auto& [family, labels] : known_metrics()) {
    const char* type = family.type == MetricType::counter     ? "counter"
                       : family.type == MetricType::histogram ? "histogram"
                       : family.type == MetricType::info      ? "info"
                                                              : "gauge";
    rows += fmt::format("| `{}` | {} | {} | {} |\n", family.full_name(), type, labels, family.help);
  }
  EXPECT_NE(text.find(rows), std::string::npos) << "docs/metrics.md must have these rows, in this order:\n"
                                                << rows;
}

}  // namespace
}  // namespace samepage::dedup
