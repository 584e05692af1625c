// SPDX-License-Identifier: Apache-2.0
#include "manual/roff.hpp"

#include <algorithm>
#include <array>

namespace samepage::manual {
namespace {

// What begins a line and would be a request.
std::string guarded(std::string roff) {
  for (std::size_t at = 0; at != std::string::npos;) {
    if (at < roff.size() && (roff[at] == '.' || roff[at] == '\'')) roff.insert(at, "\\&");
    at = roff.find('\n', at);
    if (at != std::string::npos) ++at;
  }
  return roff;
}

std::string escaped(std::string_view text, bool code) {
  std::string roff;
  for (const char letter : text) {
    if (letter == '\\') {
      roff += "\\e";
    } else if (code && (letter == '-' || letter == '\'' || letter == '`' || letter == '^' || letter == '~')) {
      roff += letter == '-'    ? "\\-"
              : letter == '\'' ? "\\(aq"
              : letter == '`'  ? "\\(ga"
              : letter == '^'  ? "\\(ha"
                               : "\\(ti";
    } else {
      roff += letter;
    }
  }
  return roff;
}

std::string in_bold(const std::string& roff) {
  return "\\fB" + roff + "\\fR";
}

bool is_address(std::string_view target) {
  return target.starts_with("http://") || target.starts_with("https://");
}

// What is between `open` at the begin of `text` and the next `close`; empty where there is no such thing.
struct Span {
  std::string_view inside;
  std::size_t length = 0;
};
Span span(std::string_view text, std::string_view open, std::string_view close) {
  if (!text.starts_with(open)) return {};
  const std::size_t end = text.find(close, open.size());
  if (end == std::string_view::npos || end == open.size()) return {};
  return {text.substr(open.size(), end - open.size()), end + close.size()};
}

std::string line_end(std::string roff) {
  if (roff.empty() || roff.back() != '\n') roff += '\n';
  return roff;
}

std::string sentence(const std::string& text) {
  if (text.empty() || std::string_view(".:!?").find(text.back()) != std::string_view::npos) return text;
  return text + ".";
}

std::string capital(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string roff_row(const Row& head, Row row) {
  std::size_t tag = 0;
  while (tag + 1 < row.size() && row[tag].empty()) ++tag;  // a table of figures may have only a key
  std::string text;
  for (std::size_t i = tag + 1; i < row.size(); ++i) {
    if (row[i].empty()) continue;
    const bool last = i + 1 == row.size();
    const bool named = !last && i < head.size() && !head[i].empty();
    text += (text.empty() ? "" : "\n") +
            (named ? capital(head[i]) + ": " + sentence(row[i]) : sentence(capital(row[i])));
  }
  return tagged(roff_text(row.empty() ? "" : row[tag]), roff_text(text));
}

}  // namespace

std::string roff_text(std::string_view markdown) {
  std::string roff;
  for (std::size_t at = 0; at < markdown.size();) {
    const std::string_view rest = markdown.substr(at);
    if (const Span code = span(rest, "`", "`"); code.length != 0) {
      std::string inside(code.inside);
      std::replace(inside.begin(), inside.end(), '\n', ' ');
      roff += in_bold(escaped(inside, true));
      at += code.length;
    } else if (const Span bold = span(rest, "**", "**"); bold.length != 0) {
      roff += in_bold(escaped(bold.inside, false));
      at += bold.length;
    } else if (const Span words = span(rest, "[", "]("); words.length != 0) {
      const Span target = span(rest.substr(words.length - 1), "(", ")");
      roff += roff_text(words.inside);
      if (is_address(target.inside)) roff += " (" + escaped(target.inside, true) + ")";
      at += words.length - 1 + std::max<std::size_t>(target.length, 1);
    } else {
      roff += escaped(rest.substr(0, 1), false);
      ++at;
    }
  }
  return guarded(roff);
}

std::string roff_bold(std::string_view text) {
  return in_bold(escaped(text, true));
}

std::string roff_code(std::string_view code) {
  return guarded(escaped(code, true));
}

std::string tagged(const std::string& roff_tag, const std::string& roff) {
  return ".TP\n" + line_end(roff_tag) + line_end(roff);
}

std::string roff_block(const Block& block) {
  std::string roff;
  switch (block.kind) {
    case Block::Kind::heading:
      break;
    case Block::Kind::paragraph:
      return ".PP\n" + line_end(roff_text(block.text));
    case Block::Kind::list:
      for (const std::string& item : block.items) roff += ".IP \\(bu 3\n" + line_end(roff_text(item));
      break;
    case Block::Kind::table:
      for (std::size_t i = 1; i < block.rows.size(); ++i) roff += roff_row(block.rows[0], block.rows[i]);
      break;
    case Block::Kind::code:
      return ".PP\n.RS 4\n.nf\n" + line_end(roff_code(block.text)) + ".fi\n.RE\n";
  }
  return roff;
}

}  // namespace samepage::manual
