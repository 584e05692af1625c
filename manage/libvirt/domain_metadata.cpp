// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/domain_metadata.hpp"

#include <fmt/format.h>

#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "manage/libvirt/error.hpp"

namespace samepage::libvirt {
namespace {

constexpr int most_metadata_depth = 32;

// How it is written grows with the depth, and what is kept must stay a text that a client takes.
void require_small(pugi::xml_node metadata) {
  struct Depth final : pugi::xml_tree_walker {
    bool for_each(pugi::xml_node&) override { return depth() < most_metadata_depth; }
  } within;
  if (!metadata.traverse(within)) {
    throw wrong_xml(
        fmt::format("<metadata>: elements are more than {} deep in each other", most_metadata_depth));
  }
}

}  // namespace

std::string metadata_of(pugi::xml_node element, const std::string& own) {
  require_small(element);
  std::set<std::string_view> said;
  for (const pugi::xml_attribute attribute : element.attributes()) said.insert(attribute.name());
  pugi::xml_document copy;
  pugi::xml_node metadata = copy.append_copy(element);
  for (const pugi::xml_attribute attribute : element.parent().attributes()) {
    const std::string_view name = attribute.name();
    if (!name.starts_with("xmlns") || (!own.empty() && name == "xmlns:" + own.substr(0, own.size() - 1)))
      continue;
    if (said.insert(name).second) {
      metadata.append_attribute(attribute.name()) = attribute.value();
    }
  }
  std::ostringstream text;
  metadata.print(text, "", pugi::format_raw, pugi::encoding_utf8);
  return std::move(text).str();
}

void add_metadata(pugi::xml_node parent, const std::string& metadata) {
  pugi::xml_document document;
  constexpr unsigned how = pugi::parse_default | pugi::parse_ws_pcdata_single;
  if (metadata.empty() || !document.load_buffer(metadata.data(), metadata.size(), how, pugi::encoding_utf8))
    return;
  parent.append_copy(document.first_child());
}

}  // namespace samepage::libvirt
