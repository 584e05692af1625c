// SPDX-License-Identifier: Apache-2.0
// <metadata> of a domain, which is anybody's: kept as a text that stands by itself, and written as it was.
#pragma once

#include <pugixml.hpp>
#include <string>

namespace samepage::libvirt {

/// The element with what its prefixes stand for, which its parent may have said; `own`: our prefix there,
/// which it does not need. Throws wrong_xml() where it is nested to be long when it is written.
[[nodiscard]] std::string metadata_of(pugi::xml_node element, const std::string& own);
/// The reverse. Does nothing for an empty text.
void add_metadata(pugi::xml_node parent, const std::string& metadata);

}  // namespace samepage::libvirt
