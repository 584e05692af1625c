// SPDX-License-Identifier: Apache-2.0
#include "dedup/protocol.hpp"

namespace samepage::dedup::wire {
namespace {

// Two lists one after the other, the length of the first before them.
template <typename A, typename B>
std::vector<std::byte> encode_two(const std::vector<A>& first, const std::vector<B>& second) {
  const auto count = static_cast<std::uint32_t>(first.size());
  const std::size_t first_bytes = first.size() * sizeof(A);
  const std::size_t second_bytes = second.size() * sizeof(B);
  std::vector<std::byte> payload(sizeof(count) + first_bytes + second_bytes);
  std::memcpy(payload.data(), &count, sizeof(count));
  if (first_bytes != 0) std::memcpy(payload.data() + sizeof(count), first.data(), first_bytes);
  if (second_bytes != 0)
    std::memcpy(payload.data() + sizeof(count) + first_bytes, second.data(), second_bytes);
  return payload;
}

template <typename A, typename B>
std::optional<std::pair<List<A>, List<B>>> view_two(std::span<const std::byte> payload) {
  std::uint32_t count = 0;
  if (payload.size() < sizeof(count)) return std::nullopt;
  std::memcpy(&count, payload.data(), sizeof(count));
  payload = payload.subspan(sizeof(count));
  if (count > payload.size() / sizeof(A)) return std::nullopt;
  const List<B> second(payload.subspan(count * sizeof(A)));
  if (!second.whole()) return std::nullopt;
  return std::pair(List<A>(payload.first(count * sizeof(A))), second);
}

}  // namespace

bool is_name(std::string_view text) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !text.empty() && text.size() < max_name && text.find_first_not_of(allowed) == std::string_view::npos;
}

std::optional<Hello> decode_hello(std::span<const std::byte> payload) {
  const auto hello_now = read_one<Hello>(payload);
  if (hello_now && hello_now->version <= version && hello_now->version >= version_without_paging)
    return hello_now;
  const auto former = read_one<FormerHello>(payload);
  if (!former || former->version != former_version) return std::nullopt;
  Hello hello{former->magic, former->version, former->pages, former->zero_only};
  std::copy(std::begin(former->guest), std::end(former->guest), hello.guest);
  std::copy(std::begin(former->domain), std::end(former->domain), hello.domain);
  return hello;
}

std::vector<std::byte> encode(const Verdict& verdict) {
  return encode_two(verdict.grants, verdict.donate);
}

std::optional<Verdict> decode_verdict(std::span<const std::byte> payload) {
  const auto lists = view_two<Grant, Donation>(payload);
  if (!lists) return std::nullopt;
  return Verdict{lists->first.copy(), lists->second.copy()};
}

std::vector<std::byte> encode(const Merged& merged) {
  return encode_two(merged.kept, merged.refused);
}

std::optional<Merged> decode_merged(std::span<const std::byte> payload) {
  const auto lists = view_merged(payload);
  if (!lists) return std::nullopt;
  return Merged{lists->kept.copy(), lists->refused.copy()};
}

std::optional<MergedLists> view_merged(std::span<const std::byte> payload) {
  const auto lists = view_two<PageRange, PageRange>(payload);
  if (!lists) return std::nullopt;
  return MergedLists{lists->first, lists->second};
}

bool continues(const Grant& grant, const Grant& next) {
  return grant.pages().end() == next.page && grant.frame + grant.count == next.frame;
}

void append_page(std::vector<PageRange>& ranges, PageIndex page) {
  append_range(ranges, {page, 1});
}

void append_range(std::vector<PageRange>& ranges, const PageRange& range) {
  if (!ranges.empty() && ranges.back().end() == range.first) {
    ranges.back().count += range.count;
  } else {
    ranges.push_back(range);
  }
}

void append_grant(std::vector<Grant>& grants, PageIndex page, FrameId frame) {
  const Grant grant{page, frame, 1};
  if (!grants.empty() && continues(grants.back(), grant)) {
    ++grants.back().count;
  } else {
    grants.push_back(grant);
  }
}

void sort_by_page(std::vector<PageRange>& ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
}

}  // namespace samepage::dedup::wire
