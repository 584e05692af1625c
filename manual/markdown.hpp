// SPDX-License-Identifier: Apache-2.0
// As much of Markdown as our documents use, as a list of blocks. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace samepage::manual {

using Row = std::vector<std::string>;

/// Text keeps its code spans, bold words and links; inline_text.hpp reads those.
struct Block {
  enum class Kind : std::uint8_t { heading, paragraph, list, table, code };
  Kind kind = Kind::paragraph;
  std::string text;    // of a heading, paragraph or code; lines are kept
  unsigned level = 0;  // of a heading: 1 is the document's
  std::vector<std::string>
      pages;  // of a heading: manual pages that its section belongs to, "samepage-run(1)"
  std::vector<std::string> items;  // of a list
  std::vector<Row> rows;           // of a table, its head first
};

/// A line "<!-- man: PAGE... -->" below a heading says which pages the section belongs to. Tables between
/// "<!-- options of COMMAND -->" and "<!-- end of options -->" are left out, other comments are not seen.
[[nodiscard]] std::vector<Block> parse_markdown(std::string_view text);

}  // namespace samepage::manual
