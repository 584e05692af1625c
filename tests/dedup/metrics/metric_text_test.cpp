// SPDX-License-Identifier: Apache-2.0
#include "dedup/metrics/metric_text.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

std::string written(MetricFormat format, const MetricFamily& family) {
  MetricText text(format);
  text.begin(family);
  text.sample("", "7");
  return text.finish();
}

TEST(MetricText, TheTwoFormatsNameACounterDifferently) {
  const MetricFamily family{"samepage_breaks", "pages written", "", MetricType::counter};
  EXPECT_EQ(written(MetricFormat::openmetrics, family),
            "# HELP samepage_breaks pages written\n# TYPE samepage_breaks counter\nsamepage_breaks_total "
            "7\n# EOF\n");
  EXPECT_EQ(written(MetricFormat::prometheus, family),
            "# HELP samepage_breaks_total pages written\n# TYPE samepage_breaks_total counter\n"
            "samepage_breaks_total 7\n");
}

TEST(MetricText, OpenMetricsTellsUnitsAndInfos) {
  EXPECT_EQ(written(MetricFormat::openmetrics, {"x_bytes", "h", "bytes", MetricType::gauge}),
            "# HELP x_bytes h\n# TYPE x_bytes gauge\n# UNIT x_bytes bytes\nx_bytes 7\n# EOF\n");
  EXPECT_EQ(written(MetricFormat::openmetrics, {"x", "h", "", MetricType::info}),
            "# HELP x h\n# TYPE x info\nx_info 7\n# EOF\n");
  EXPECT_EQ(written(MetricFormat::prometheus, {"x", "h", "", MetricType::info}),
            "# HELP x_info h\n# TYPE x_info gauge\nx_info 7\n");
}

TEST(MetricText, AFamilyWithoutSamplesIsNotWritten) {
  MetricText text(MetricFormat::prometheus);
  text.begin({"x", "h", "", MetricType::gauge});
  text.begin({"y", "h", "", MetricType::gauge});
  text.sample(label("a", "b"), "1");
  text.sample(label("a", "c"), "2");
  EXPECT_EQ(text.finish(), "# HELP y h\n# TYPE y gauge\ny{a=\"b\"} 1\ny{a=\"c\"} 2\n");
}

TEST(MetricText, WhatALabelMayHoldCannotEndIt) {
  EXPECT_EQ(label("guest", "a\"} 1\nsamepage_up 0\\"), R"(guest="a\"} 1\nsamepage_up 0\\")");
  EXPECT_EQ(label("guest", "\xff\x01"), "guest=\"\uFFFD\uFFFD\"");
}

TEST(MetricText, TimesAreSecondsToTheMicrosecond) {
  EXPECT_EQ(seconds_text(0), "0.000000");
  EXPECT_EQ(seconds_text(1'000'001), "1.000001");
  EXPECT_EQ(seconds_text(9'007'199'254'740'991), "9007199254.740991");
}

TEST(MetricText, AHistogramAddsUpItsBucketsAndEndsWithAll) {
  HoldTimes times;
  times.holds[0] = 2;
  times.holds[3] = 5;
  times.holds[HoldTimes::buckets - 1] = 1;
  times.sum_us = 120'300;
  MetricText text(MetricFormat::prometheus);
  text.begin({"hold_seconds", "h", "seconds", MetricType::histogram});
  text.sample(label("guest", "a"), times);
  const std::string all = text.finish();
  for (const char* line :
       {"# TYPE hold_seconds histogram\n", "hold_seconds_bucket{guest=\"a\",le=\"5e-05\"} 2\n",
        "hold_seconds_bucket{guest=\"a\",le=\"0.00025\"} 2\n",
        "hold_seconds_bucket{guest=\"a\",le=\"0.0005\"} 7\n",
        "hold_seconds_bucket{guest=\"a\",le=\"0.1\"} 7\n", "hold_seconds_bucket{guest=\"a\",le=\"+Inf\"} 8\n",
        "hold_seconds_sum{guest=\"a\"} 0.120300\n", "hold_seconds_count{guest=\"a\"} 8\n"}) {
    EXPECT_NE(all.find(line), std::string::npos) << line << all;
  }
}

}  // namespace
}  // namespace samepage::dedup
