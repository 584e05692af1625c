// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/run_options.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "base/types.hpp"
#include "base/units.hpp"
#include "vmm/control/guest_name.hpp"

namespace samepage::cli {
namespace {

constexpr std::array<std::pair<std::string_view, vmm::EntryChoice>, 3> entries{{
    {"auto", vmm::EntryChoice::automatic},
    {"linux64", vmm::EntryChoice::linux64},
    {"compressed", vmm::EntryChoice::compressed},
}};

}  // namespace

std::optional<std::uint64_t> parse_address(std::string_view text) {
  if (!text.starts_with("0x") && !text.starts_with("0X")) return parse_size(text);
  text.remove_prefix(2);
  std::uint64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value, 16);
  if (text.empty() || error != std::errc{} || end != last) return std::nullopt;
  return value;
}

std::optional<vmm::RomConfig> parse_rom(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  const std::optional<std::uint64_t> address = parse_address(text.substr(at + 1));
  if (!address || !is_page_aligned(*address)) return std::nullopt;
  return vmm::RomConfig{std::string(text.substr(0, at)), Gpa{*address}};
}

std::optional<vmm::EntryChoice> parse_entry(std::string_view text) {
  for (const auto& [name, entry] : entries) {
    if (text == name) return entry;
  }
  return std::nullopt;
}

std::string_view entry_text(vmm::EntryChoice entry) {
  for (const auto& [name, value] : entries) {
    if (value == entry) return name;
  }
  return "auto";
}

std::optional<vmm::DomainChoice> parse_domain(std::string_view text) {
  using Kind = vmm::DomainChoice::Kind;
  if (text == "none") return vmm::DomainChoice{Kind::none, ""};
  if (text == "zero-only") return vmm::DomainChoice{Kind::zero_only, "default"};
  if (!vmm::is_guest_name(text)) return std::nullopt;
  return vmm::DomainChoice{Kind::label, std::string(text)};
}

}  // namespace samepage::cli
