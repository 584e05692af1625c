// SPDX-License-Identifier: Apache-2.0
// One element of somebody's XML, read so that nothing of it is passed over: who reads it takes the
// attributes, children and text that they know, and done() refuses what is left, by its name. What is refused
// is a libvirt::Error. Pure.
#pragma once

#include <memory>
#include <optional>
#include <pugixml.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace samepage::libvirt {

/// Text that is one well-formed element with nothing around it. Throws malformed_xml().
[[nodiscard]] std::unique_ptr<pugi::xml_document> parse_xml(std::string_view text);

class XmlElement {
 public:
  /// `path` is what it is called in messages: "<domain>", "<disk>".
  explicit XmlElement(pugi::xml_node node);

  [[nodiscard]] const std::string& name() const { return name_; }

  /// None when it is not there.
  [[nodiscard]] std::optional<std::string> attribute(const char* name);
  /// Throws wrong_xml() when it is not there.
  [[nodiscard]] std::string needed_attribute(const char* name);
  /// Refuses every value but these; empty when it is not there.
  std::string one_of(const char* attribute, std::initializer_list<std::string_view> values);

  /// None when it is not there; throws wrong_xml() when there are several.
  [[nodiscard]] std::optional<XmlElement> child(const char* name);
  [[nodiscard]] XmlElement needed_child(const char* name);
  /// All of this name, in order.
  [[nodiscard]] std::vector<XmlElement> children(const char* name);
  /// Whether there is an empty child of this name.
  [[nodiscard]] bool flag(const char* name);
  /// The text in a child without attributes, none when there is no such child.
  [[nodiscard]] std::optional<std::string> text_of(const char* name);
  /// Its own text; it then may have no children.
  [[nodiscard]] std::string text();
  /// As it is, with all that is in it.
  [[nodiscard]] pugi::xml_node whole();

  /// Throws unsupported_config() when something is left, wrong_xml() for text in the wrong place.
  void done();

 private:
  pugi::xml_node node_;
  std::string name_;
  std::set<std::string, std::less<>> taken_;  // attributes with '@' in front, and children
};

/// A number alone; throws wrong_xml() that names `what`.
[[nodiscard]] std::uint64_t whole_number(const std::string& text, const std::string& what);
/// "0x...", or a number.
[[nodiscard]] std::uint64_t address_number(const std::string& text, const std::string& what);
/// The size in an element with a "unit" (KiB where there is none), in KiB, rounded up. Takes its text.
[[nodiscard]] std::uint64_t size_in_kib(XmlElement& element);

}  // namespace samepage::libvirt
