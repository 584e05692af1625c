// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/liar.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "base/framing.hpp"
#include "base/message_receiver.hpp"
#include "base/pipe.hpp"

namespace samepage::dedup::test {
namespace {

using wire::Type;

constexpr std::array types{Type::hello,    Type::offer,   Type::donated, Type::merged,       Type::broken,
                           Type::withdraw, Type::report,  Type::image,   Type::sync,         Type::retained,
                           Type::page_out, Type::cold,    Type::warm,    Type::retained_out, Type::used,
                           Type::cpu_time, Type::welcome, Type::verdict, Type::query,        Type::reply};

constexpr std::array<std::string_view, 16> questions{
    R"({"do":"stat"})",
    R"({"do":"stat","costs":false})",
    R"({"do":"tune"})",
    R"({"do":"tune","merging":0})",
    R"({"do":"tune","merging":1,"interval_ms":100,"cpu":50})",
    R"({"do":"tune","cpu":4294967296})",
    R"({"do":"tune","reset":true})",
    R"({"do":"paging"})",
    R"({"do":"paging","add":"/nowhere/at/all"})",
    R"({"do":"paging","remove":"/nowhere"})",
    R"({"do":"paging","add":7})",
    R"({"do":["stat"]})",
    R"({"do":"","do":null})",
    R"([])",
    R"({"do":"stat"}})",
    R"({"do":"merging","guest":"guest-1"})"};

template <typename T>
void put_name(T& field, std::string_view name) {
  name.copy(field, sizeof(field) - 1);
}

}  // namespace

std::array<std::byte, page_size> page_of(std::uint64_t content) {
  std::array<std::byte, page_size> page{};
  for (std::size_t word = 0; content != 0 && word < page_size / 8; ++word) {
    const std::uint64_t value = content * 0x9e3779b97f4a7c15U + word;
    std::memcpy(page.data() + word * 8, &value, sizeof(value));
  }
  return page;
}

void Liar::begin() {
  end();
  Pipe ends = make_pipe();
  process_ = std::move(ends.writing);
  pidfd_ = std::move(ends.reading);
  membership_ = 0;
  connect_again();
}

void Liar::connect_again() {
  if (!process_) return;
  socket_ = fleet_.dial(checked_fd(::fcntl(pidfd_.get(), F_DUPFD_CLOEXEC, 0), "fcntl F_DUPFD"));
  grants_.clear();
  donations_.clear();
  staging_ = {};
}

void Liar::end() {
  socket_.reset();
  process_.reset();
  pidfd_.reset();
  staging_ = {};
}

void Liar::say(Type type, std::span<const std::byte> payload) {
  if (!socket_) return;
  static_cast<void>(send_message(socket_.get(), static_cast<std::uint32_t>(type), payload));
  fleet_.poll_daemon();
  hear();
}

void Liar::hear() {
  MessageReceiver receiver;
  for (;;) {
    const auto state = receiver.receive(socket_.get());
    if (state == MessageReceiver::State::gone) return socket_.reset();
    if (state != MessageReceiver::State::whole) return;
    take(receiver.take());
  }
}

void Liar::take(Message message) {
  if (message.type == static_cast<std::uint32_t>(Type::welcome)) {
    const auto welcome = wire::read_one<wire::Welcome>(message.payload);
    if (!welcome || message.fds.size() != 2) return;  // of a former version
    secret_ = welcome->secret;
    membership_ = welcome->membership;
    staging_ = Mapping::shared(message.fds[1].get(), PageCount{welcome->staging_slots}.bytes());
  }
  if (message.type != static_cast<std::uint32_t>(Type::verdict)) return;
  const auto verdict = wire::decode_verdict(message.payload);
  invariant(verdict.has_value(), "the daemon talks nonsense");
  grants_.insert(grants_.end(), verdict->grants.begin(), verdict->grants.end());
  donations_.insert(donations_.end(), verdict->donate.begin(), verdict->donate.end());
}

void Liar::act(Input& input) {
  if (!socket_) return input.chance(3) ? begin() : connect_again();
  switch (input.below(12)) {
    case 0:
      return join(input);
    case 1:
      return ask(input);
    case 2: {
      const auto bytes = input.take_bytes(input.below(64));
      return say(input.one_of(types), std::as_bytes(bytes));
    }
    case 3: {  // a part of a message, and not always the rest
      const auto bytes = input.take_bytes(input.below(16));
      if (::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return;
      fleet_.poll_daemon();
      return hear();
    }
    case 4:
    case 5:
      return donate(input);
    case 6:
    case 7:
      return answer_grants(input);
    default:
      return say_well_formed(input);
  }
}

void Liar::join(Input& input) {
  wire::Hello hello;
  hello.pages = input.chance(16) ? input.take<std::uint32_t>() : pages;
  hello.zero_only = input.chance(8) ? input.below(4) : 0;
  if (input.chance(8)) hello.version = input.below(8);
  if (input.chance(3)) hello.former_membership = membership_;
  put_name(hello.guest, input.chance(8) ? "../guest" : "liar");
  put_name(hello.domain, input.chance(8) ? "other" : "default");
  const auto bytes = wire::bytes_of(hello);
  const std::size_t length = hello.version == wire::former_version ? sizeof(wire::FormerHello) : bytes.size();
  say(Type::hello, bytes.first(input.chance(16) ? input.below(128) : length));
}

void Liar::ask(Input& input) {
  std::string question(input.one_of(questions));
  for (unsigned changes = input.below(4); changes > 0; --changes) {
    const std::size_t at = input.below(static_cast<std::uint32_t>(question.size()));
    question[at] = static_cast<char>(input.take<std::uint8_t>());
  }
  say(Type::query, std::as_bytes(std::span(question)));
}

// Often one of the contents that honest guests have.
std::uint64_t Liar::some_digest(Input& input) const {
  if (input.chance(16)) return input.take<std::uint64_t>();
  return digest_of_page(page_of(1 + input.below(8)).data(), secret_).value;
}

std::vector<wire::Offer> Liar::some_offers(Input& input) const {
  std::vector<wire::Offer> offers(1 + input.below(4));
  for (wire::Offer& offer : offers) offer = {some_digest(input), {input.below(pages + 1)}, 0};
  return offers;
}

std::vector<PageRange> Liar::some_ranges(Input& input) {
  std::vector<PageRange> ranges(input.below(4));
  std::uint32_t at = 0;
  for (PageRange& range : ranges) {
    at += input.below(6);
    range = {{at}, 1 + input.below(3)};
    at += input.chance(16) ? 0 : range.count;
  }
  return ranges;
}

void Liar::say_well_formed(Input& input) {
  switch (input.below(14)) {
    case 0:
    case 1:
    case 2:
      return say_list(Type::offer, some_offers(input));
    case 3:
      return say_list(Type::image, some_offers(input));
    case 4:
      return say_list(Type::page_out, some_offers(input));
    case 5:
      return say_list(Type::withdraw, some_ranges(input));
    case 6:
      return say_list(Type::broken, some_ranges(input));
    case 7:
      return say_list(input.chance(2) ? Type::warm : Type::cold, some_ranges(input));
    case 8:
      return say_list(Type::used, some_ranges(input));
    case 9:
      return say_list(input.chance(2) ? Type::retained : Type::retained_out, some_ranges(input));
    case 10:
      return say(Type::sync, wire::bytes_of(wire::Sync{input.below(4)}));
    case 11:
      return say(Type::cpu_time, wire::bytes_of(wire::CpuTime{input.take<std::uint32_t>(), input.below(3)}));
    case 12: {
      wire::Report report;
      report.passes = input.take<std::uint16_t>();
      report.zero_pages = input.below(pages + 2);
      report.own_pages = input.below(pages);
      report.ram_pages = input.chance(2) ? report.zero_pages + report.own_pages : input.below(pages + 2);
      report.paged_pages = input.below(pages);
      report.lacks[input.below(resource_count)] = {input.below(3), input.below(pages)};
      constexpr std::array sizes{sizeof(report), wire::short_report, wire::report_without_paging,
                                 wire::report_without_shortages};
      return say(Type::report, wire::bytes_of(report).first(input.one_of(sizes)));
    }
    default:
      return say(Type::merged, wire::encode(wire::Merged{some_ranges(input), some_ranges(input)}));
  }
}

// The bytes that it offered, or others, or the right ones for a slot that it was not asked for.
void Liar::donate(Input& input) {
  wire::Donation donation{{input.below(pages)}, input.below(4)};
  if (!donations_.empty() && !input.chance(8)) {
    donation = donations_.back();
    donations_.pop_back();
  }
  const std::size_t at = PageCount{donation.slot}.bytes();
  if (staging_.size() >= at + page_size) {
    std::memcpy(staging_.data() + at, page_of(input.below(10)).data(), page_size);
  }
  say(Type::donated, wire::bytes_of(donation));
}

void Liar::answer_grants(Input& input) {
  if (grants_.empty()) return;
  const wire::Grant grant = grants_.back();
  grants_.pop_back();
  wire::Merged merged;
  (input.chance(4) ? merged.refused : merged.kept).push_back(grant.pages());
  say(Type::merged, wire::encode(merged));
}

}  // namespace samepage::dedup::test
