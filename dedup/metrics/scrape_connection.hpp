// SPDX-License-Identifier: Apache-2.0
// One HTTP client of the metrics: one small request, one answer, both within a time. The metrics' thread.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/span_body.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "dedup/metrics/metric_text.hpp"

namespace samepage::dedup {

class ScrapeConnection final : public std::enable_shared_from_this<ScrapeConnection> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Text = std::shared_ptr<const std::string>;
  /// Finds the text and hands it on, at once or later. Null: there is none.
  using Find = std::function<void(MetricFormat, std::function<void(Text)>)>;

  ScrapeConnection(Socket socket, Find find);
  ScrapeConnection(const ScrapeConnection&) = delete;
  ScrapeConnection& operator=(const ScrapeConnection&) = delete;
  ~ScrapeConnection() = default;

  /// `ended` is called once, when the client is done with, unless close() comes before.
  void start(std::function<void()> ended);
  void close();

 private:
  void take_request(boost::system::error_code error);
  void answer_with_text(bool head, MetricFormat format);
  void send_text(bool head, MetricFormat format, Text text);
  void refuse(boost::beast::http::status status, std::string_view reason);
  void send();
  void end();

  boost::beast::basic_stream<boost::asio::generic::stream_protocol> stream_;
  Find find_;
  std::function<void()> ended_;
  boost::beast::flat_buffer buffer_;
  boost::beast::http::request_parser<boost::beast::http::empty_body> parser_;
  Text text_;  // what the answer's body points to
  boost::beast::http::response<boost::beast::http::span_body<const char>> answer_;
};

}  // namespace samepage::dedup
