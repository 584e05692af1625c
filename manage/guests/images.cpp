// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/images.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/check.hpp"

namespace samepage::guests {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> catalogue() {
  std::vector<fs::path> directories;
  if (const char* chosen = std::getenv("SAMEPAGE_IMAGES"); chosen != nullptr && *chosen != '\0') {
    directories.emplace_back(chosen);
  }
  directories.emplace_back(images_beside_program());
  return directories;
}

}  // namespace

std::string images_beside_program() {
  const fs::path programs = fs::read_symlink("/proc/self/exe").parent_path();
  const fs::path installed = (programs / SAMEPAGE_IMAGES_FROM_PROGRAMS).lexically_normal();
  std::error_code error;
  return fs::is_directory(installed, error) ? installed.string()
                                            : (programs.parent_path() / "images").string();  // not installed
}

std::map<std::string, std::string> all_images() {
  std::map<std::string, std::string> images;  // the first of a name counts, as in find_image()
  for (const fs::path& directory : catalogue()) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
      if (entry.is_regular_file(error))
        images.emplace(entry.path().filename().string(), entry.path().string());
    }
  }
  return images;
}

std::string find_image(const std::string& image) {
  if (image.find('/') != std::string::npos) return image;
  std::error_code error;
  const std::vector<fs::path> directories = catalogue();
  for (const fs::path& directory : directories) {
    if (fs::path file = directory / image; fs::is_regular_file(file, error)) return file.string();
  }
  std::vector<std::string> names;
  for (const auto& [name, file] : all_images()) names.push_back(name);
  const std::string way_out = fs::exists(image, error)
                                  ? fmt::format("the file in the current directory is './{}'", image)
                                  : "a path must contain a '/'";
  throw UserError(fmt::format("there is no image '{}': {}; {}", image,
                              names.empty() ? "the catalogue is empty (set SAMEPAGE_IMAGES)"
                                            : fmt::format("there are {}", fmt::join(names, ", ")),
                              way_out));
}

}  // namespace samepage::guests
