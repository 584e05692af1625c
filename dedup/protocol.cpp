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

std::optional<Report> decode_report(std::span<const std::byte> payload, std::uint32_t pages) {
  const std::array sizes{sizeof(Report), report_without_room, report_without_shortages, report_without_paging,
                         short_report};
  if (std::find(sizes.begin(), sizes.end(), payload.size()) == sizes.end()) return std::nullopt;
  Report report;
  std::memcpy(&report, payload.data(), payload.size());
  const auto few = [pages](std::uint64_t value) { return value <= pages; };
  const auto counted = [](std::uint64_t value) { return value < std::uint64_t{1} << 53U; };
  // Metadata and staging are a small part of a guest; a guest may be small.
  const bool sound = few(report.zero_pages) && few(report.volatile_pages) &&
                     report.agent_bytes <= PageCount{pages}.bytes() + (1U << 20U) && counted(report.passes) &&
                     counted(report.breaks) && counted(report.holds) && counted(report.hold_max_us) &&
                     counted(report.failed_merges) && report.tracks_writes <= 1;
  if (!sound) return std::nullopt;
  report.vmas = std::min<std::uint64_t>(report.vmas, pages);  // agents estimate it
  if (payload.size() == short_report) return report;
  const bool whole =
      report.ram_pages == pages && few(report.own_pages) && few(report.shared_pages) &&
      report.backed_pages <= report.shared_pages && report.paged_pages <= report.shared_pages &&
      report.paged_resident_pages <= report.paged_pages && counted(report.paged_out) &&
      counted(report.came_back) && few(report.untouched_pages) &&
      report.own_pages + report.shared_pages + report.zero_pages + report.untouched_pages == pages &&
      few(report.unaffordable_pages) && few(report.lost_store_pages) && counted(report.merges) &&
      counted(report.errors) && counted(report.merge_cpu_us) && counted(report.hold_times.sum_us) &&
      counted(report.available_bytes) && counted(report.limit_bytes) && report.stands_still <= 1 &&
      std::all_of(report.hold_times.holds.begin(), report.hold_times.holds.end(), counted) &&
      std::all_of(report.lacks.begin(), report.lacks.end(),
                  [&](const Lack& lack) { return counted(lack.lasts_ms) && counted(lack.waiting); });
  return whole ? std::optional(report) : std::nullopt;
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
