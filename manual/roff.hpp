// SPDX-License-Identifier: Apache-2.0
// Markdown's blocks in the language of manual pages (man(7)). Pure.
#pragma once

#include <string>
#include <string_view>

#include "manual/markdown.hpp"

namespace samepage::manual {

/// Text with its code spans, bold words and links. A link within our documents is its words alone.
[[nodiscard]] std::string roff_text(std::string_view markdown);
/// The same in bold, as tags and headings are; nothing in it is marked.
[[nodiscard]] std::string roff_bold(std::string_view text);
/// Code: nothing in it is marked, and no hyphen becomes another sign.
[[nodiscard]] std::string roff_code(std::string_view code);

/// A paragraph with a tag before it, such as an option and what it means.
[[nodiscard]] std::string tagged(const std::string& roff_tag, const std::string& roff);
/// All but headings. Of a table the first column is the tags, and further ones are named by the table's head.
[[nodiscard]] std::string roff_block(const Block& block);

}  // namespace samepage::manual
