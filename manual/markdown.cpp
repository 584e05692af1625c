// SPDX-License-Identifier: Apache-2.0
#include "manual/markdown.hpp"

#include <sstream>

#include "base/check.hpp"

namespace samepage::manual {
namespace {

constexpr std::string_view man_mark = "<!-- man: ", options_mark = "<!-- options of ",
                           options_end = "<!-- end of options -->", comment = "<!--", indent = "    ";

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word && word != "-->";) words.push_back(word);
  return words;
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// "| a | b |" is two cells. "\|" is a bar within one.
Row cells_of(const std::string& line) {
  Row cells;
  std::string cell;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      cell += line[++i];
    } else if (line[i] == '|') {
      cells.push_back(trimmed(cell));
      cell.clear();
    } else {
      cell += line[i];
    }
  }
  return cells;
}

bool is_rule(const Row& row) {
  for (const std::string& cell : row) {
    if (cell.find_first_not_of("-:") != std::string::npos || cell.empty()) return false;
  }
  return true;
}

// How long "- " or "12. " at the line's begin is; 0 where there is no such thing.
std::size_t bullet(const std::string& line) {
  if (line.starts_with("- ") || line.starts_with("* ")) return 2;
  const std::size_t digits = line.find_first_not_of("0123456789");
  const bool numbered = digits != 0 && digits != std::string::npos && line.substr(digits, 2) == ". ";
  return numbered ? digits + 2 : 0;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : lines_(lines_of(text)) {}

  std::vector<Block> parse() {
    while (at_ < lines_.size()) block();
    return std::move(blocks_);
  }

 private:
  void block() {
    const std::string& line = lines_[at_];
    if (trimmed(line).empty()) {
      ++at_;
    } else if (line.starts_with(comment)) {
      comments(line);
    } else if (line.starts_with('#')) {
      heading(line);
    } else if (line.starts_with('|')) {
      table();
    } else if (line.starts_with(indent)) {
      code();
    } else if (bullet(line) != 0) {
      list();
    } else {
      paragraph();
    }
  }

  void comments(const std::string& line) {
    if (line.starts_with(man_mark)) {
      if (blocks_.empty() || blocks_.back().kind != Block::Kind::heading)
        throw UserError("this line is not below a heading: " + line);
      blocks_.back().pages = words_of(line.substr(man_mark.size()));
    }
    if (line.starts_with(options_mark)) {
      while (at_ < lines_.size() && lines_[at_] != options_end) ++at_;
      if (at_ == lines_.size()) throw UserError("this table has no end: " + line);
    }
    ++at_;
  }

  void heading(const std::string& line) {
    const std::size_t level = line.find_first_not_of('#');
    Block& added = add(Block::Kind::heading);
    added.level = static_cast<unsigned>(level);
    added.text = trimmed(line.substr(level));
    ++at_;
  }

  void table() {
    Block& added = add(Block::Kind::table);
    for (; at_ < lines_.size() && lines_[at_].starts_with('|'); ++at_) {
      Row row = cells_of(lines_[at_]);
      if (!is_rule(row)) added.rows.push_back(std::move(row));
    }
  }

  void code() {
    Block& added = add(Block::Kind::code);
    std::string blank;
    for (; at_ < lines_.size() && (lines_[at_].empty() || lines_[at_].starts_with(indent)); ++at_) {
      if (lines_[at_].empty()) {
        blank += '\n';
        continue;
      }
      added.text += blank + lines_[at_].substr(indent.size()) + '\n';
      blank.clear();
    }
  }

  void list() {
    Block& added = add(Block::Kind::list);
    for (; at_ < lines_.size() && !lines_[at_].empty(); ++at_) {
      if (const std::size_t begin = bullet(lines_[at_]); begin != 0) {
        added.items.push_back(lines_[at_].substr(begin));
      } else {
        added.items.back() += '\n' + trimmed(lines_[at_]);
      }
    }
  }

  void paragraph() {
    Block& added = add(Block::Kind::paragraph);
    for (; at_ < lines_.size() && !lines_[at_].empty() && bullet(lines_[at_]) == 0 && lines_[at_][0] != '|';
         ++at_) {
      added.text += (added.text.empty() ? "" : "\n") + trimmed(lines_[at_]);
    }
  }

  Block& add(Block::Kind kind) {
    blocks_.emplace_back().kind = kind;
    return blocks_.back();
  }

  std::vector<std::string> lines_;
  std::size_t at_ = 0;
  std::vector<Block> blocks_;
};

}  // namespace

std::vector<Block> parse_markdown(std::string_view text) {
  return Parser(text).parse();
}

}  // namespace samepage::manual
