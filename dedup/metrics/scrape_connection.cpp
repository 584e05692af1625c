// SPDX-License-Identifier: Apache-2.0
#include "dedup/metrics/scrape_connection.hpp"

#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <utility>

#include "dedup/metrics/scrape_request.hpp"

namespace samepage::dedup {
namespace {

namespace http = boost::beast::http;

constexpr std::chrono::seconds time_to_ask{5};
constexpr std::chrono::seconds time_to_answer{10};
constexpr std::uint32_t longest_head = 8U << 10U;

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

ScrapeConnection::ScrapeConnection(Socket socket, Find find)
    : stream_(std::move(socket)), find_(std::move(find)), buffer_(longest_head) {
  parser_.header_limit(longest_head);
  parser_.body_limit(0);
}

void ScrapeConnection::start(std::function<void()> ended) {
  ended_ = std::move(ended);
  stream_.expires_after(time_to_ask);
  http::async_read(stream_, buffer_, parser_,
                   [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                     self->take_request(error);
                   });
}

void ScrapeConnection::take_request(boost::system::error_code error) {
  if (!stream_.socket().is_open()) return end();
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return refuse(http::status::request_header_fields_too_large, "the request is too long\n");
  }
  // Of a request with a body the head has been read.
  const bool has_body = error == http::error::body_limit || error == http::error::unexpected_body;
  if (error && !has_body && error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return refuse(http::status::bad_request, "this is not an HTTP request\n");
  }
  if (error && !has_body) return end();  // it is gone, or too slow
  const auto& request = parser_.get();
  const MetricFormat format = accepted_format(view(request[http::field::accept]));
  switch (scrape_of(view(request.method_string()), view(request.target()))) {
    case Scrape::text:
    case Scrape::head:
      if (has_body) return refuse(http::status::payload_too_large, "a request for metrics has no body\n");
      return answer_with_text(request.method() == http::verb::head, format);
    case Scrape::not_found:
      return refuse(http::status::not_found, "metrics are at /metrics\n");
    case Scrape::method_not_allowed:
      answer_.set(http::field::allow, "GET, HEAD");
      return refuse(http::status::method_not_allowed, "use GET or HEAD\n");
  }
}

void ScrapeConnection::answer_with_text(bool head, MetricFormat format) {
  stream_.expires_after(time_to_answer);
  find_(format, [self = shared_from_this(), head, format](Text text) {
    if (!text) return self->refuse(http::status::service_unavailable, "there are no figures now\n");
    self->send_text(head, format, std::move(text));
  });
}

void ScrapeConnection::send_text(bool head, MetricFormat format, Text text) {
  if (!stream_.socket().is_open()) return end();
  text_ = std::move(text);
  const std::string_view type = content_type(format);
  answer_.result(http::status::ok);
  answer_.set(http::field::content_type, {type.data(), type.size()});
  answer_.set(http::field::vary, "Accept");
  answer_.content_length(text_->size());
  if (!head) answer_.body() = {text_->data(), text_->size()};
  send();
}

void ScrapeConnection::refuse(http::status status, std::string_view reason) {
  if (!stream_.socket().is_open()) return end();
  stream_.expires_after(time_to_answer);
  answer_.result(status);
  answer_.set(http::field::content_type, "text/plain; charset=utf-8");
  answer_.content_length(reason.size());
  if (parser_.get().method() != http::verb::head) answer_.body() = {reason.data(), reason.size()};
  send();
}

void ScrapeConnection::send() {
  answer_.version(parser_.get().version() == 10 ? 10 : 11);
  answer_.set(http::field::connection, "close");
  http::async_write(stream_, answer_,
                    [self = shared_from_this()](boost::system::error_code, std::size_t) { self->end(); });
}

void ScrapeConnection::close() {
  ended_ = nullptr;
  stream_.close();
}

void ScrapeConnection::end() {
  boost::system::error_code ignored;
  if (stream_.socket().is_open()) stream_.socket().shutdown(Socket::shutdown_send, ignored);
  stream_.close();
  if (ended_) std::exchange(ended_, nullptr)();
}

}  // namespace samepage::dedup
