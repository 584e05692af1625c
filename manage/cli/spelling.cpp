// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/spelling.hpp"

#include <algorithm>

namespace samepage::cli {
namespace {

// The distance of Damerau and Levenshtein (optimal string alignment); words are short.
std::size_t distance(std::string_view one, std::string_view other) {
  std::vector<std::vector<std::size_t>> cost(one.size() + 1, std::vector<std::size_t>(other.size() + 1));
  for (std::size_t i = 0; i <= one.size(); ++i) {
    for (std::size_t k = 0; k <= other.size(); ++k) {
      if (i == 0 || k == 0) {
        cost[i][k] = i + k;
        continue;
      }
      const std::size_t changed = one[i - 1] == other[k - 1] ? 0 : 1;
      cost[i][k] = std::min({cost[i - 1][k] + 1, cost[i][k - 1] + 1, cost[i - 1][k - 1] + changed});
      if (i > 1 && k > 1 && one[i - 1] == other[k - 2] && one[i - 2] == other[k - 1]) {
        cost[i][k] = std::min(cost[i][k], cost[i - 2][k - 2] + 1);
      }
    }
  }
  return cost[one.size()][other.size()];
}

}  // namespace

std::string likely_word(std::string_view typed, const std::vector<std::string>& known) {
  constexpr std::size_t longest = 64;  // nobody mistypes a word of that length for one of ours
  if (typed.size() > longest) return {};
  std::string nearest;
  std::size_t fewest = std::max<std::size_t>(1, typed.size() / 3) + 1;
  for (const std::string& word : known) {
    const std::size_t letters = distance(typed, word);
    if (letters >= fewest) continue;
    fewest = letters;
    nearest = word;
  }
  return nearest;
}

}  // namespace samepage::cli
