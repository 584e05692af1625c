// SPDX-License-Identifier: Apache-2.0
#include "bench/sets.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/check.hpp"

namespace samepage::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view generated = "generated";

template <typename Number>
void set_number(Number& to, const std::string& key, const std::string& text, double least, double most) {
  Number value{};
  if (!CLI::detail::lexical_cast(text, value) || static_cast<double>(value) < least ||
      static_cast<double>(value) > most)
    throw UserError(fmt::format("--set: {} is a number from {} to {}, not '{}'", key, least, most, text));
  to = value;
}

RunLengths lengths_from(const std::string& text) {
  if (text == "fixed") return RunLengths::fixed;
  if (text == "spread") return RunLengths::spread;
  throw UserError(fmt::format("--set: lengths are 'fixed' or 'spread', not '{}'", text));
}

void set_key(Options& options, const std::string& key, const std::string& value) {
  constexpr double most_pages = 1U << 28U;
  ImagePattern& pattern = options.pattern;
  if (key == "guests") return set_number(options.guests, key, value, 1, 4096);
  if (key == "pages") return set_number(pattern.pages.value, key, value, 1, most_pages);
  if (key == "zero") return set_number(pattern.zero_percent, key, value, 0, 100);
  if (key == "common") return set_number(pattern.common_percent, key, value, 0, 100);
  if (key == "alike") return set_number(pattern.alike_percent, key, value, 0, 100);
  if (key == "own") return set_number(pattern.own_percent, key, value, 0, 100);
  if (key == "run") return set_number(pattern.run_length, key, value, 1, most_pages);
  if (key == "zero-run") return set_number(pattern.zero_run_length, key, value, 1, most_pages);
  if (key == "seed") return set_number(pattern.seed, key, value, 0, 1e15);
  if (key == "lengths") {
    pattern.lengths = lengths_from(value);
    return;
  }
  throw UserError(fmt::format(
      "--set: a generated set has no '{}'; there are guests, pages, zero, common, alike, own, run, zero-run, "
      "lengths and seed",
      key));
}

Options on_generated(Options options, const std::string& keys) {
  bool own_is_given = false;
  options.image_paths.clear();
  for (const std::string& setting : CLI::detail::split(keys, ',')) {
    if (setting.empty()) continue;
    const auto equals = setting.find('=');
    if (equals == std::string::npos)
      throw UserError(fmt::format("--set: after '{}:' come KEY=VALUE, not '{}'", generated, setting));
    const std::string key = setting.substr(0, equals);
    set_key(options, key, setting.substr(equals + 1));
    own_is_given |= key == "own";
  }
  ImagePattern& pattern = options.pattern;
  if (!own_is_given)
    pattern.own_percent = 100 - pattern.zero_percent - pattern.common_percent - pattern.alike_percent;
  check_shares(pattern);
  return options;
}

}  // namespace

Options on_set(Options options, const std::string& set) {
  if (set == generated) return on_generated(std::move(options), "");
  if (set.starts_with(std::string(generated) + ":"))
    return on_generated(std::move(options), set.substr(generated.size() + 1));
  options.image_paths.clear();
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(set, error)) {
    if (entry.path().extension() == ".ram") options.image_paths.push_back(entry.path());
  }
  if (error || options.image_paths.empty())
    throw UserError(fmt::format(
        "--set {}: {}; give a folder that images/make-linux-images has filled, or '{}:KEY=VALUE,...'", set,
        error ? error.message() : "there is no *.ram in it", generated));
  std::sort(options.image_paths.begin(), options.image_paths.end());
  return options;
}

std::string name_of_set(const std::string& set) {
  if (set.starts_with(generated)) return set;
  const fs::path path = fs::path(set).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename();
}

}  // namespace samepage::bench
