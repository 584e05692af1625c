// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/images.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/check.hpp"
#include "base/temporary_directory.hpp"

namespace samepage::guests {
namespace {

namespace fs = std::filesystem;

// A catalogue with the image `tiny`, and a current directory of its own.
class FindImage : public testing::Test {
 protected:
  FindImage() : before_(fs::current_path()) {
    for (const char* directory : {"/catalogue", "/here"}) fs::create_directory(root_.path() + directory);
    std::ofstream(root_.path() + "/catalogue/tiny") << "image";
    fs::current_path(root_.path() + "/here");
    ::setenv("SAMEPAGE_IMAGES", (root_.path() + "/catalogue").c_str(), 1);
  }
  ~FindImage() override {
    fs::current_path(before_);
    ::unsetenv("SAMEPAGE_IMAGES");
  }
  FindImage(const FindImage&) = delete;
  FindImage& operator=(const FindImage&) = delete;

  const TemporaryDirectory root_;
  const fs::path before_;
};

TEST_F(FindImage, ANameIsTheCataloguesWhateverLiesInTheCurrentDirectory) {
  const std::string image = root_.path() + "/catalogue/tiny";
  EXPECT_EQ(find_image("tiny"), image);
  std::ofstream("tiny") << "something else";
  EXPECT_EQ(find_image("tiny"), image);
  fs::remove("tiny");
  fs::create_directory("tiny");
  EXPECT_EQ(find_image("tiny"), image);
}

TEST_F(FindImage, APathIsItself) {
  EXPECT_EQ(find_image("./tiny"), "./tiny");
  EXPECT_EQ(find_image("/no/such/file"), "/no/such/file");
}

TEST_F(FindImage, AllImagesAreThoseThatCanBeFound) {
  fs::create_directory(root_.path() + "/catalogue/folder");
  const std::map<std::string, std::string> images = all_images();
  EXPECT_EQ(images.at("tiny"), find_image("tiny"));
  EXPECT_FALSE(images.contains("folder"));
}

TEST_F(FindImage, AFileThatIsMeantIsNamedInTheRefusal) {
  std::ofstream("kernel") << "x";
  const auto complaint = [](const std::string& image) {
    try {
      return find_image(image);
    } catch (const UserError& error) {
      return std::string(error.what());
    }
  };
  EXPECT_THAT(complaint("kernel"), testing::HasSubstr("'./kernel'"));
  EXPECT_THAT(complaint("nothing"), testing::HasSubstr("tiny"));
}

}  // namespace
}  // namespace samepage::guests
