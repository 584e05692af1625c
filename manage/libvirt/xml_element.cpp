// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/xml_element.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/utf8.hpp"
#include "manage/libvirt/error.hpp"

namespace samepage::libvirt {
namespace {

bool is_space(char character) {
  return character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return std::string(text);
}

bool is_namespace(std::string_view attribute) {
  return attribute == "xmlns" || attribute.starts_with("xmlns:");
}

Error not_text() {
  return malformed_xml("this is not XML: it has bytes that are not UTF-8 text");
}

bool is_text(pugi::xml_node node) {
  return node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata;
}

// A reference to the character 0, which would end the text for its reader ("&#0;", "&#x00;").
bool has_zero_reference(std::string_view text) {
  for (std::size_t at = text.find("&#"); at != std::string_view::npos; at = text.find("&#", at + 2)) {
    std::string_view digits = text.substr(at + 2);
    if (digits.starts_with('x')) digits.remove_prefix(1);
    const std::size_t end = digits.find_first_not_of('0');
    if (end != 0 && end != std::string_view::npos && digits[end] == ';') return true;
  }
  return false;
}

// The parser takes some texts that are no XML.
void require_well_formed(const pugi::xml_document& document) {
  const auto elements = std::distance(document.begin(), document.end());
  if (elements != 1 || document.first_child().type() != pugi::node_element) {
    throw malformed_xml("this is not XML: there must be one element and nothing around it");
  }
  struct Walker final : pugi::xml_tree_walker {
    bool for_each(pugi::xml_node& node) override {
      std::set<std::string_view> names;
      for (const pugi::xml_attribute attribute : node.attributes()) {
        if (!is_utf8_text(attribute.value())) throw not_text();
        if (!names.insert(attribute.name()).second) {
          throw malformed_xml(
              fmt::format("this is not XML: <{}> has '{}' twice", node.name(), attribute.name()));
        }
      }
      if (!is_utf8_text(node.value())) throw not_text();
      return true;
    }
  } walker;
  const_cast<pugi::xml_document&>(document).traverse(walker);  // there is no other; it changes nothing
}

}  // namespace

std::unique_ptr<pugi::xml_document> parse_xml(std::string_view text) {
  if (!is_utf8_text(text) || has_zero_reference(text)) throw not_text();
  auto document = std::make_unique<pugi::xml_document>();
  constexpr unsigned how = pugi::parse_default | pugi::parse_ws_pcdata_single | pugi::parse_doctype;
  const pugi::xml_parse_result result =
      document->load_buffer(text.data(), text.size(), how, pugi::encoding_utf8);
  if (!result) {
    const auto before = text.substr(0, static_cast<std::size_t>(std::max<std::ptrdiff_t>(result.offset, 0)));
    throw malformed_xml(fmt::format("this is not XML: line {}: {}",
                                    1 + std::count(before.begin(), before.end(), '\n'),
                                    result.description()));
  }
  require_well_formed(*document);
  return document;
}

XmlElement::XmlElement(pugi::xml_node node) : node_(node), name_(fmt::format("<{}>", node.name())) {}

std::optional<std::string> XmlElement::attribute(const char* name) {
  taken_.insert(fmt::format("@{}", name));
  const pugi::xml_attribute found = node_.attribute(name);
  return found ? std::optional<std::string>(found.value()) : std::nullopt;
}

std::string XmlElement::needed_attribute(const char* name) {
  std::optional<std::string> value = attribute(name);
  if (!value || value->empty()) throw wrong_xml(fmt::format("{} needs an attribute '{}'", name_, name));
  return std::move(*value);
}

std::string XmlElement::one_of(const char* name, std::initializer_list<std::string_view> values) {
  std::optional<std::string> value = attribute(name);
  if (!value) return {};
  if (std::find(values.begin(), values.end(), *value) == values.end()) {
    throw unsupported_config(
        fmt::format("{} {}='{}': Samepage has only {}", name_, name, *value, fmt::join(values, ", ")));
  }
  return std::move(*value);
}

std::vector<XmlElement> XmlElement::children(const char* name) {
  taken_.insert(name);
  std::vector<XmlElement> found;
  for (const pugi::xml_node child : node_.children(name)) found.emplace_back(child);
  return found;
}

std::optional<XmlElement> XmlElement::child(const char* name) {
  std::vector<XmlElement> found = children(name);
  if (found.size() > 1) throw wrong_xml(fmt::format("{} has more than one <{}>", name_, name));
  return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

XmlElement XmlElement::needed_child(const char* name) {
  std::optional<XmlElement> found = child(name);
  if (!found) throw wrong_xml(fmt::format("{} needs a <{}>", name_, name));
  return std::move(*found);
}

bool XmlElement::flag(const char* name) {
  std::optional<XmlElement> found = child(name);
  if (found) found->done();
  return found.has_value();
}

std::optional<std::string> XmlElement::text_of(const char* name) {
  std::optional<XmlElement> found = child(name);
  if (!found) return std::nullopt;
  std::string text = found->text();
  found->done();
  return text;
}

std::string XmlElement::text() {
  taken_.insert("#text");
  std::string text;
  for (const pugi::xml_node part : node_.children()) {
    if (is_text(part)) text += part.value();
  }
  return text;
}

pugi::xml_node XmlElement::whole() {
  for (const pugi::xml_attribute attribute : node_.attributes()) {
    taken_.insert(fmt::format("@{}", attribute.name()));
  }
  for (const pugi::xml_node child : node_.children()) taken_.insert(child.name());
  taken_.insert("#text");
  return node_;
}

void XmlElement::done() {
  for (const pugi::xml_attribute attribute : node_.attributes()) {
    if (is_namespace(attribute.name()) || taken_.contains(fmt::format("@{}", attribute.name()))) continue;
    throw unsupported_config(fmt::format("{} {}='{}': Samepage has no such attribute", name_,
                                         attribute.name(), attribute.value()));
  }
  for (const pugi::xml_node child : node_.children()) {
    if (is_text(child)) {
      if (taken_.contains("#text") || trimmed(child.value()).empty()) continue;
      throw wrong_xml(fmt::format("there is text in {}: '{}'", name_, trimmed(child.value())));
    }
    if (taken_.contains(child.name())) continue;
    throw unsupported_config(fmt::format("<{}> in {}: Samepage has no such element", child.name(), name_));
  }
}

std::uint64_t whole_number(const std::string& text, const std::string& what) {
  const std::string digits = trimmed(text);
  std::uint64_t value = 0;
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, value);
  if (digits.empty() || error != std::errc{} || end != last) {
    throw wrong_xml(fmt::format("{}: '{}' is not a number", what, digits));
  }
  return value;
}

std::uint64_t address_number(const std::string& text, const std::string& what) {
  const std::string digits = trimmed(text);
  if (!digits.starts_with("0x")) return whole_number(text, what);
  std::uint64_t value = 0;
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data() + 2, last, value, 16);
  if (digits.size() == 2 || error != std::errc{} || end != last) {
    throw wrong_xml(fmt::format("{}: '{}' is not an address", what, digits));
  }
  return value;
}

std::uint64_t size_in_kib(XmlElement& element) {
  struct UnitOfSize {
    std::string_view name;
    std::uint64_t bytes;
  };
  constexpr std::uint64_t k = 1024;
  constexpr std::array<UnitOfSize, 15> units{{{"b", 1},
                                              {"bytes", 1},
                                              {"KB", 1'000},
                                              {"MB", 1'000'000},
                                              {"GB", 1'000'000'000},
                                              {"TB", 1'000'000'000'000},
                                              {"k", k},
                                              {"K", k},
                                              {"KiB", k},
                                              {"M", k * k},
                                              {"MiB", k * k},
                                              {"G", k * k * k},
                                              {"GiB", k * k * k},
                                              {"T", k * k * k * k},
                                              {"TiB", k * k * k * k}}};
  const std::string unit = element.attribute("unit").value_or("KiB");
  const std::uint64_t number = whole_number(element.text(), element.name());
  const auto* const found =
      std::find_if(units.begin(), units.end(), [&](const UnitOfSize& one) { return one.name == unit; });
  if (found == units.end()) {
    throw wrong_xml(fmt::format("{}: '{}' is not a unit; use bytes, KiB, MiB or GiB", element.name(), unit));
  }
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(number, found->bytes, &bytes) || bytes > ~std::uint64_t{0} - (k - 1)) {
    throw wrong_xml(fmt::format("{}: {} {} is too much", element.name(), number, unit));
  }
  return (bytes + k - 1) / k;
}

}  // namespace samepage::libvirt
