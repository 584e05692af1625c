// SPDX-License-Identifier: Apache-2.0
#include "dedup/metrics/scrape_request.hpp"

#include <gtest/gtest.h>

#include "base/check.hpp"
#include "dedup/metrics/metrics_address.hpp"

namespace samepage::dedup {
namespace {

TEST(ScrapeRequest, OnlyMetricsAreThereAndOnlyToBeRead) {
  EXPECT_EQ(scrape_of("GET", "/metrics"), Scrape::text);
  EXPECT_EQ(scrape_of("HEAD", "/metrics?name=x"), Scrape::head);
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "get", ""}) {
    EXPECT_EQ(scrape_of(method, "/metrics"), Scrape::method_not_allowed) << method;
  }
  for (const char* target : {"/", "", "/metrics/", "/metricsx", "/../metrics", "http://host/metrics", "*"}) {
    EXPECT_EQ(scrape_of("GET", target), Scrape::not_found) << target;
  }
}

TEST(ScrapeRequest, TheFormatIsWhatThePeerLikesBest) {
  using enum MetricFormat;
  // What Prometheus 2.42 says.
  EXPECT_EQ(
      accepted_format("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
                      "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
      openmetrics);
  EXPECT_EQ(accepted_format("text/plain;version=0.0.4, application/openmetrics-text;q=0.5"), prometheus);
  EXPECT_EQ(accepted_format("application/openmetrics-text; q=0"), prometheus);
  EXPECT_EQ(accepted_format(" application/openmetrics-text ; version=1.0.0 ; q=0.3 , text/plain;q=0.2"),
            openmetrics);
  EXPECT_EQ(accepted_format(""), prometheus);
  EXPECT_EQ(accepted_format("*/*"), prometheus);
  EXPECT_EQ(accepted_format(";,;q=,=,q=nan,,"), prometheus);
  EXPECT_EQ(accepted_format("application/openmetrics-text;q=nonsense"), prometheus);
}

std::string address(std::string_view text, Reach reach = Reach::this_host) {
  return text_of(parse_metrics_address(text, reach));
}

TEST(MetricsAddress, IsAnAddressOrALocalSocket) {
  EXPECT_EQ(address("127.0.0.1:9464"), "http://127.0.0.1:9464/metrics");
  EXPECT_EQ(address("127.3.2.1:0"), "http://127.3.2.1:0/metrics");
  EXPECT_EQ(address("[::1]:9464"), "http://[::1]:9464/metrics");
  EXPECT_EQ(address("unix:/run/x"), "unix:/run/x");
  EXPECT_EQ(address("unix:x").substr(0, 6), "unix:/") << "a relative path is made absolute";
}

TEST(MetricsAddress, WhatIsNeitherIsRefused) {
  for (const char* text : {"", ":", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                           "127.0.0.1:-1", "127.0.0.1:94x", "::1:9464", "[127.0.0.1]:9464", "[::1]", "[]:1",
                           "localhost:9464", "unix:", "127.0.0.1:9464 "}) {
    EXPECT_THROW(static_cast<void>(address(text, Reach::any_host)), UserError) << text;
  }
}

TEST(MetricsAddress, WhatOtherHostsReachMustBeAllowed) {
  for (const char* text : {"0.0.0.0:9464", "[::]:9464", "10.1.2.3:9464", "[::ffff:127.0.0.1]:9464"}) {
    EXPECT_THROW(static_cast<void>(address(text)), UserError) << text;
    EXPECT_NO_THROW(static_cast<void>(address(text, Reach::any_host))) << text;
  }
}

}  // namespace
}  // namespace samepage::dedup
