// SPDX-License-Identifier: Apache-2.0
// A file that loses bytes while it is viewed: no signal ends the process, and the loss is told.
#include "vmm/memory/file_view.hpp"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>

#include "base/check.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"

namespace samepage::vmm {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class FileViewTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_GE(fd_.get(), 0);
    ASSERT_EQ(::ftruncate(fd_.get(), 4 * page_size), 0);
    for (off_t at = 0; at < off_t{4 * page_size}; at += off_t{page_size}) {
      ASSERT_EQ(::pwrite(fd_.get(), "x", 1, at), 1);
    }
  }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

  const UniqueFd fd_{::memfd_create("file-view-test", MFD_CLOEXEC)};
};

TEST_F(FileViewTest, BytesThatAreGoneReadAsZerosAndAreToldOf) {
  const FileView view = view_file(path(), "boot");
  const FileView other = view_file(path(), "boot");
  EXPECT_EQ(view.content()[3 * page_size], std::byte{'x'});
  ASSERT_EQ(::ftruncate(fd_.get(), 2 * page_size), 0);
  EXPECT_EQ(view.content()[page_size], std::byte{'x'});
  EXPECT_EQ(view.content()[2 * page_size], std::byte{0});
  EXPECT_EQ(view.content()[3 * page_size], std::byte{0});
  ASSERT_EQ(::ftruncate(fd_.get(), 4 * page_size), 0);  // as long as it was, but the bytes are lost
  EXPECT_THROW(view.require_whole(), UserError);
  other.require_whole();  // it was not read meanwhile
}

TEST_F(FileViewTest, AFileThatHasLostItsLastByteIsNotWhole) {
  const FileView view = view_file(path(), "boot");
  view.require_whole();
  ASSERT_EQ(::ftruncate(fd_.get(), 4 * page_size - 1), 0);
  EXPECT_EQ(view.content().back(), std::byte{0});
  EXPECT_THROW(view.require_whole(), UserError);
}

TEST_F(FileViewTest, AViewThatHasMovedIsStillWatched) {
  FileView view;
  view = view_file(path(), "boot");
  ASSERT_EQ(::ftruncate(fd_.get(), page_size), 0);
  EXPECT_EQ(view.content()[page_size], std::byte{0});
  EXPECT_THROW(view.require_whole(), UserError);
}

TEST_F(FileViewTest, OtherMemoryIsNotPutInOrder) {
  const Mapping mapping = Mapping::read_only(fd_.get(), 4 * page_size);
  const FileView view = view_file(path(), "boot");
  ASSERT_EQ(::ftruncate(fd_.get(), 0), 0);
  const volatile std::byte* const gone = mapping.data();
  EXPECT_EXIT(static_cast<void>(*gone), testing::KilledBySignal(SIGBUS), "");
}

TEST_F(FileViewTest, AFileThatTheAddressSpaceHasNoRoomFor) {
  ASSERT_EQ(::ftruncate(fd_.get(), off_t{1} << 60), 0);
  try {
    view_file(path(), "boot");
    ADD_FAILURE() << "an EiB is mapped";
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("cannot boot " + path()), HasSubstr("address space")));
  }
}

}  // namespace
}  // namespace samepage::vmm
