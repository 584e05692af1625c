// SPDX-License-Identifier: Apache-2.0
// `samepage image`: the catalogue. What it does to images is in files of its own.
#include <memory>

#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/table.hpp"
#include "manage/guests/images.hpp"

namespace samepage::cli {
namespace {

int list_images(Format format) {
  if (format == Format::json) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& [name, file] : guests::all_images()) list.push_back({{"name", name}, {"file", file}});
    return print_json(list);
  }
  Table table({{"NAME"}, {"FILE"}});
  for (const auto& [name, file] : guests::all_images()) table.add_row({name, file});
  return print_text(table.render());
}

}  // namespace

void add_image(const Command& program) {
  const Command image = program.add("image", "List and prepare images");
  image.needs_command();
  const Command list = image.add("list", "List the images that have a name");
  const auto format = std::make_shared<Format>(Format::text);
  add_json(list, *format);
  list.runs([format] { return list_images(*format); });
  add_image_import(image);
}

}  // namespace samepage::cli
