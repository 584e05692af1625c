// SPDX-License-Identifier: Apache-2.0
// From what a user calls an image to its file: a path, or the name of one in the catalogue.
#pragma once

#include <map>
#include <string>

namespace samepage::guests {

/// The directory with the images that came with this program, wherever both have been installed or moved to.
std::string images_beside_program();

/// All images of the catalogue, by name: their files.
std::map<std::string, std::string> all_images();

/// `image` itself when it has a '/'; else the file of that name in $SAMEPAGE_IMAGES or
/// images_beside_program(), whatever lies in the current directory. Throws UserError with the names that
/// there are.
std::string find_image(const std::string& image);

}  // namespace samepage::guests
