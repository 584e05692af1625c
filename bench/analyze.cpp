// SPDX-License-Identifier: Apache-2.0
// samepage-analyze-bench: how fast memory images are analyzed, beside a plain read of the same files, in
// turns on one core. Without files it makes some, of several kinds of memory, and removes them.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/json.hpp"
#include "base/temporary_directory.hpp"
#include "base/types.hpp"
#include "base/units.hpp"
#include "bench/process_clock.hpp"
#include "bench/statistics.hpp"
#include "manage/analyze/analysis.hpp"
#include "manage/analyze/memory_image.hpp"

namespace {

using namespace samepage;
using namespace samepage::bench;
using Clock = std::chrono::steady_clock;

struct Set {
  std::string name;
  std::vector<std::string> files;
};

struct Took {
  double wall = 0, cpu = 0;  // seconds
};

Took took(const std::function<void()>& action) {
  const auto wall = Clock::now();
  const auto cpu = cpu_time_of_this_thread();
  action();
  return {std::chrono::duration<double>(Clock::now() - wall).count(),
          std::chrono::duration<double>(cpu_time_of_this_thread() - cpu).count()};
}

// The least that any reader does: the same pieces, holes left out, nothing looked at.
void read_plainly(const std::vector<std::string>& files) {
  std::vector<std::byte> piece(std::size_t{256} << 10);
  for (const std::string& path : files) {
    const UniqueFd fd = checked_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC), "open of " + path);
    for (off_t data = 0; (data = ::lseek(fd.get(), data, SEEK_DATA)) >= 0;) {
      const off_t hole = check(::lseek(fd.get(), data, SEEK_HOLE), "lseek");
      while (data < hole) {
        const auto most = std::min<std::size_t>(piece.size(), static_cast<std::size_t>(hole - data));
        const ssize_t got = check(::pread(fd.get(), piece.data(), most, data), "read");
        if (got == 0) return;
        data += got;
      }
    }
  }
}

void analyze_files(const std::vector<std::string>& files) {
  analyze::Analysis analysis(~std::uint64_t{0} >> 1U);
  for (const std::string& path : files) {
    analyze::MemoryImage image(path);
    analysis.begin_file();
    image.read(
        analysis, [](std::uint64_t) {}, -1);
  }
  analysis.finish([] {});
}

// Out of the page cache, as far as nobody else holds it.
void make_cold(const std::vector<std::string>& files) {
  for (const std::string& path : files) {
    const UniqueFd fd = checked_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC), "open of " + path);
    check(::fdatasync(fd.get()), "fdatasync");
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  }
}

using Filler = std::function<bool(std::uint64_t page, std::byte* to)>;  // false: a hole

void make_file(const std::string& path, std::uint64_t pages, const Filler& fill) {
  const UniqueFd fd = checked_fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), "open of " + path);
  check(::ftruncate(fd.get(), static_cast<off_t>(PageCount{pages}.bytes())), "ftruncate");
  std::vector<std::byte> page(page_size);
  for (std::uint64_t i = 0; i < pages; ++i) {
    if (!fill(i, page.data())) continue;
    const ssize_t put =
        ::pwrite(fd.get(), page.data(), page.size(), static_cast<off_t>(PageCount{i}.bytes()));
    if (check(put, "write of " + path) != static_cast<ssize_t>(page.size()))
      throw UserError("no room for " + path);
  }
}

void fill_random(std::uint64_t seed, std::byte* to) {
  std::mt19937_64 random(seed);
  for (std::size_t at = 0; at < page_size; at += 8) {
    const std::uint64_t word = random();
    std::copy_n(reinterpret_cast<const std::byte*>(&word), sizeof(word),
                to + at);  // SAFETY: bytes of a number
  }
}

void fill_text(std::uint64_t seed, std::byte* to) {
  static const std::vector<std::string> words{"the ", "page ",    "of ",  "a guest ",
                                              "is ",  "shared\n", "and ", "0x00 "};
  std::mt19937_64 random(seed);
  for (std::size_t at = 0; at < page_size;) {
    for (const char c : words[random() % words.size()]) {
      if (at < page_size) to[at++] = static_cast<std::byte>(c);
    }
  }
}

std::vector<Set> made_sets(const std::string& directory, std::uint64_t pages) {
  std::vector<Set> sets;
  const auto add = [&](const std::string& name, const Filler& first, const Filler& second) {
    Set set{name, {directory + "/" + name + "-a", directory + "/" + name + "-b"}};
    make_file(set.files[0], pages / 2, first);
    make_file(set.files[1], pages / 2, second);
    sets.push_back(std::move(set));
  };
  const auto random = [](std::uint64_t from) {
    return [from](std::uint64_t page, std::byte* to) { return fill_random(from + page, to), true; };
  };
  const auto text = [](std::uint64_t page, std::byte* to) { return fill_text(page % 5000, to), true; };
  const auto zero = [](std::uint64_t, std::byte* to) {
    return std::fill_n(to, page_size, std::byte{0}), true;
  };
  add("random", random(0), random(std::uint64_t{1} << 40));
  add("equal", random(7), random(7));
  add("text", text, text);
  add("zero", zero, zero);
  // As a Linux guest's: half zero, in stretches; of the rest half as in the other guest.
  const auto guest = [](std::uint64_t own) {
    return [own](std::uint64_t page, std::byte* to) {
      if (page / 64 % 2 == 0) return std::fill_n(to, page_size, std::byte{0}), true;
      return fill_random(page / 8 % 2 == 0 ? page : page + own, to), true;
    };
  };
  add("guests", guest(std::uint64_t{1} << 41), guest(std::uint64_t{1} << 42));
  add(
      "sparse",
      [&](std::uint64_t page, std::byte* to) { return page / 16 % 4 == 0 && (fill_random(page, to), true); },
      [&](std::uint64_t page, std::byte* to) { return page / 16 % 4 == 0 && (fill_random(page, to), true); });
  return sets;
}

std::uint64_t bytes_of(const Set& set) {
  std::uint64_t bytes = 0;
  for (const std::string& path : set.files) bytes += analyze::MemoryImage(path).bytes_to_read();
  return bytes;
}

struct Options {
  std::vector<std::string> files;
  std::string directory = std::filesystem::temp_directory_path().string();
  std::string size = "1G";
  int runs = 5;
  bool cold = false, json = false;
};

nlohmann::json measure(const Set& set, const Options& options) {
  std::vector<double> plain, analysis, plain_cpu, analysis_cpu, ratio, ratio_cpu;
  read_plainly(set.files);  // into the page cache
  for (int run = 0; run < options.runs; ++run) {
    if (options.cold) make_cold(set.files);
    const Took reading = took([&] { read_plainly(set.files); });
    if (options.cold) make_cold(set.files);
    const Took analyzing = took([&] { analyze_files(set.files); });
    plain.push_back(reading.wall);
    analysis.push_back(analyzing.wall);
    plain_cpu.push_back(reading.cpu);
    analysis_cpu.push_back(analyzing.cpu);
    ratio.push_back(analyzing.wall / reading.wall);
    ratio_cpu.push_back(analyzing.cpu / reading.cpu);
  }
  const auto bytes = static_cast<double>(bytes_of(set));
  const auto speed = [&](const std::vector<double>& seconds) {
    return bytes / spread_of(seconds).median / 1e9;
  };
  return {{"set", set.name},
          {"bytes", bytes_of(set)},
          {"runs", options.runs},
          {"read_gb_s", speed(plain)},
          {"analyze_gb_s", speed(analysis)},
          {"ratio", spread_of(ratio).median},
          {"read_gb_cpu_s", speed(plain_cpu)},
          {"analyze_gb_cpu_s", speed(analysis_cpu)},
          {"ratio_cpu", spread_of(ratio_cpu).median}};
}

int run(const Options& options) {
  const TemporaryDirectory directory(options.directory);
  const auto size = parse_size(options.size);
  if (!size || *size < PageCount{256}.bytes()) throw UserError("--size is a size such as 1G, of 1M at least");
  std::vector<Set> sets;
  if (options.files.empty()) {
    sets = made_sets(directory.path(), pages_in(*size).value);
  } else {
    sets.push_back({"files", options.files});
  }
  nlohmann::json rows = nlohmann::json::array();
  if (!options.json) {
    fmt::print("{:10} {:>9} {:>10} {:>10} {:>7} {:>12} {:>12} {:>7}\n", "SET", "BYTES", "READ GB/s",
               "ANALYZE", "TIME", "READ GB/cpu-s", "ANALYZE", "CPU");
  }
  for (const Set& set : sets) {
    rows.push_back(measure(set, options));
    if (options.json) continue;
    const auto number = [&](const char* key) { return rows.back().at(key).get<double>(); };
    fmt::print("{:10} {:>9} {:>10.2f} {:>10.2f} {:>7.2f} {:>12.2f} {:>12.2f} {:>7.2f}\n", set.name,
               format_short_size(bytes_of(set)), number("read_gb_s"), number("analyze_gb_s"), number("ratio"),
               number("read_gb_cpu_s"), number("analyze_gb_cpu_s"), number("ratio_cpu"));
    std::fflush(stdout);
  }
  if (options.json) fmt::print("{}\n", nlohmann::json{{"rows", rows}}.dump(2));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures 'samepage analyze' beside a plain read of the same files, in turns.");
  Options options;
  app.add_option("FILE", options.files, "Memory images (default: some are made)");
  app.add_option("--directory", options.directory, "Where they are made (default: where temporary files go)");
  app.add_option("--size", options.size, "Of the two files of a set together (default: 1G)");
  app.add_option("--runs", options.runs, "Of each side (default: 5)")->check(CLI::Range(1, 1000));
  app.add_flag("--cold", options.cold, "Drop the files from the page cache before each run");
  app.add_flag("--json", options.json, "Print JSON instead of text");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "samepage-analyze-bench: {}\n", error.what());
    return 1;
  }
}
