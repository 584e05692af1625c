// SPDX-License-Identifier: Apache-2.0
// How XML is written for clients: indented, without a declaration, in libvirt's quotes.
#pragma once

#include <pugixml.hpp>
#include <sstream>
#include <string>
#include <utility>

namespace samepage::libvirt {

[[nodiscard]] inline std::string text_of(const pugi::xml_document& document) {
  std::ostringstream text;
  document.save(text, "  ",
                pugi::format_default | pugi::format_no_declaration | pugi::format_attribute_single_quote,
                pugi::encoding_utf8);
  return std::move(text).str();
}

}  // namespace samepage::libvirt
