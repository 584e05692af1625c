// SPDX-License-Identifier: Apache-2.0
// Each request, each fault of a driver, the counters, and a device that goes on elsewhere; all use one disk.
#include "vmm/devices/virtio/block.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/check.hpp"
#include "base/temporary_directory.hpp"
#include "tests/vmm/devices/virtio/fake_driver.hpp"

namespace samepage::vmm::test {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t header = FakeDriver::data;
constexpr std::uint64_t status = FakeDriver::data + 0x100;
constexpr std::uint64_t data = FakeDriver::data + 0x1'0000;

class BlockTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int sector = 0; sector < 400; ++sector)
      content_ += std::string(512, static_cast<char>('a' + sector % 26));
    make_file(content_);
  }

  [[nodiscard]] std::string path() const { return directory_.path() + "/disk"; }
  void make_file(const std::string& content) const {
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << content;
  }
  [[nodiscard]] std::string file() const {
    std::ifstream stream(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  FakeDriver& use(DiskAccess access) {
    driver_.reset();
    device_.reset();
    device_ = std::make_unique<Block>(DiskFile({path(), access}), "serial-7");
    driver_ = std::make_unique<FakeDriver>(*device_);
    driver_->start();
    return *driver_;
  }
  /// The file, to be written without a device around it.
  DiskFile reopened() {
    driver_.reset();
    device_.reset();
    return DiskFile({path(), DiskAccess::read_write});
  }
  /// Makes one request and returns its status; 0xff: none came.
  int request(std::uint32_t type, std::uint64_t sector, std::vector<FakeDescriptor> buffers) {
    driver_->ram_.put(header, std::pair<std::uint64_t, std::uint64_t>{type, sector});
    driver_->ram_.put<std::uint8_t>(status, 0xff);
    buffers.insert(buffers.begin(), {header, 16});
    buffers.push_back({status, 1, write_flag});
    driver_->request(0, buffers);
    driver_->serve();
    return driver_->ram_.take<std::uint8_t>(status);
  }
  std::string read(std::uint64_t sector, std::uint32_t bytes) {
    EXPECT_EQ(request(VIRTIO_BLK_T_IN, sector, {{data, bytes, write_flag}}), VIRTIO_BLK_S_OK);
    EXPECT_EQ(driver_->last_written(0), bytes + 1);
    return driver_->text(data, bytes);
  }
  int write(std::uint64_t sector, const std::string& text) {
    driver_->set_text(data, text);
    return request(VIRTIO_BLK_T_OUT, sector, {{data, static_cast<std::uint32_t>(text.size())}});
  }
  int clear(std::uint32_t type, std::uint64_t sector, std::uint32_t count) {
    driver_->ram_.put(data, virtio_blk_discard_write_zeroes{sector, count, 0});
    return request(type, 0, {{data, sizeof(virtio_blk_discard_write_zeroes)}});
  }
  std::string why_not(DiskAccess access) {
    try {
      const DiskFile disk({path(), access});
    } catch (const UserError& error) {
      return error.what();
    }
    return "it can be used";
  }

  const TemporaryDirectory directory_;
  std::string content_;
  std::unique_ptr<Block> device_;
  std::unique_ptr<FakeDriver> driver_;
};

TEST_F(BlockTest, SaysHowLargeItIs) {
  FakeDriver& driver = use(DiskAccess::read_only);
  EXPECT_EQ(driver.get(0x100), 400U);
  EXPECT_EQ(driver.get(0x104), 0U);
  EXPECT_NE(driver.offered() >> VIRTIO_BLK_F_RO & 1U, 0U);
}

TEST_F(BlockTest, ReadsInOneAndInManyPieces) {
  use(DiskAccess::read_only);
  EXPECT_EQ(read(0, 512), content_.substr(0, 512));
  EXPECT_EQ(read(3, 204'800 - 3 * 512), content_.substr(3 * 512));
  EXPECT_EQ(request(VIRTIO_BLK_T_IN, 7, {{data, 100, write_flag}, {data + 0x1000, 924, write_flag}}), 0);
  EXPECT_EQ(driver_->text(data, 100) + driver_->text(data + 0x1000, 924), content_.substr(7 * 512, 1024));
}

TEST_F(BlockTest, StatusInTheSameBufferAsTheData) {
  use(DiskAccess::read_only);
  driver_->ram_.put(header, std::pair<std::uint64_t, std::uint64_t>{VIRTIO_BLK_T_IN, 1});
  driver_->ram_.put<std::uint8_t>(data + 512, 0xff);
  driver_->request(0, {{header, 16}, {data, 513, write_flag}});
  driver_->serve();
  EXPECT_EQ(driver_->text(data, 512), content_.substr(512, 512));
  EXPECT_EQ(driver_->ram_.take<std::uint8_t>(data + 512), VIRTIO_BLK_S_OK);
}

TEST_F(BlockTest, AccessesBeyondTheEndFail) {
  use(DiskAccess::overlay);
  EXPECT_EQ(request(VIRTIO_BLK_T_IN, 400, {{data, 512, write_flag}}), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(request(VIRTIO_BLK_T_IN, 399, {{data, 1024, write_flag}}), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(request(VIRTIO_BLK_T_IN, ~std::uint64_t{0}, {{data, 512, write_flag}}), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(request(VIRTIO_BLK_T_IN, std::uint64_t{1} << 55U, {{data, 512, write_flag}}), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(request(VIRTIO_BLK_T_IN, 0, {{data, 100, write_flag}}), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(write(400, std::string(512, 'x')), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(clear(VIRTIO_BLK_T_DISCARD, 399, 2), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, ~std::uint32_t{0}), VIRTIO_BLK_S_IOERR);
  EXPECT_FALSE(driver_->needs_reset());
}

TEST_F(BlockTest, ReadOnlyRefusesWrites) {
  use(DiskAccess::read_only);
  EXPECT_EQ(write(0, std::string(512, 'x')), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(clear(VIRTIO_BLK_T_DISCARD, 0, 1), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(read(0, 512), content_.substr(0, 512));
  EXPECT_EQ(file(), content_);
}

TEST_F(BlockTest, OverlayKeepsChangesAndLeavesTheFile) {
  use(DiskAccess::overlay);
  EXPECT_EQ(write(5, std::string(1024, '!')), VIRTIO_BLK_S_OK);
  EXPECT_EQ(clear(VIRTIO_BLK_T_WRITE_ZEROES, 8, 2), VIRTIO_BLK_S_OK);
  std::string expected = content_;
  expected.replace(5 * 512, 1024, 1024, '!');
  expected.replace(8 * 512, 1024, 1024, '\0');
  EXPECT_EQ(read(0, 204'800), expected);
  EXPECT_EQ(file(), content_);
  use(DiskAccess::overlay);
  EXPECT_EQ(read(0, 204'800), content_);
}

TEST_F(BlockTest, ReadWriteChangesTheFile) {
  use(DiskAccess::read_write);
  EXPECT_EQ(write(399, std::string(512, '!')), VIRTIO_BLK_S_OK);
  EXPECT_EQ(clear(VIRTIO_BLK_T_DISCARD, 0, 9), VIRTIO_BLK_S_OK);
  EXPECT_EQ(request(VIRTIO_BLK_T_FLUSH, 0, {}), VIRTIO_BLK_S_OK);
  content_.replace(399 * 512, 512, 512, '!');
  content_.replace(0, 9 * 512, 9 * 512, '\0');
  EXPECT_EQ(file(), content_);
  EXPECT_EQ(read(0, 204'800), content_);
}

TEST_F(BlockTest, CountsWhatWasDone) {
  use(DiskAccess::overlay);
  read(0, 1024);
  read(3, 512);
  EXPECT_EQ(write(1, std::string(1536, 'w')), VIRTIO_BLK_S_OK);
  EXPECT_EQ(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 4), VIRTIO_BLK_S_OK);
  EXPECT_EQ(request(VIRTIO_BLK_T_FLUSH, 0, {}), VIRTIO_BLK_S_OK);
  EXPECT_EQ(write(400, std::string(512, 'w')), VIRTIO_BLK_S_IOERR);
  const DiskFigures figures = device_->figures();
  EXPECT_EQ(figures.read_requests, 2U);
  EXPECT_EQ(figures.read_bytes, 1536U);
  EXPECT_EQ(figures.write_requests, 2U);
  EXPECT_EQ(figures.write_bytes, 1536U);
  EXPECT_EQ(figures.flush_requests, 1U);
  EXPECT_EQ(figures.errors, 1U);
}

TEST_F(BlockTest, TellsItsSerial) {
  use(DiskAccess::read_only);
  EXPECT_EQ(request(VIRTIO_BLK_T_GET_ID, 0, {{data, 20, write_flag}}), VIRTIO_BLK_S_OK);
  EXPECT_EQ(driver_->text(data, 9), std::string("serial-7\0", 9));
  EXPECT_EQ(request(VIRTIO_BLK_T_GET_ID, 0, {{data, 19, write_flag}}), VIRTIO_BLK_S_IOERR);
}

TEST_F(BlockTest, UnknownRequestsAreUnsupported) {
  use(DiskAccess::read_only);
  EXPECT_EQ(request(4711, 0, {}), VIRTIO_BLK_S_UNSUPP);
}

TEST_F(BlockTest, RequestsThatCannotBeAnsweredNeedAReset) {
  for (const std::vector<FakeDescriptor>& bad : {std::vector<FakeDescriptor>{{header, 16}},
                                                 {{header, 15}, {status, 1, write_flag}},
                                                 {{status, 1, write_flag}}}) {
    use(DiskAccess::read_only);
    driver_->request(0, bad);
    driver_->serve();
    EXPECT_TRUE(driver_->needs_reset());
  }
}

TEST_F(BlockTest, AFileThatShrinksGivesErrorsAndIsNotMadeLonger) {
  for (const DiskAccess access : {DiskAccess::read_only, DiskAccess::overlay, DiskAccess::read_write}) {
    make_file(content_);
    use(access);
    std::filesystem::resize_file(path(), 100 * 512 + 3);
    EXPECT_EQ(request(VIRTIO_BLK_T_IN, 99, {{data, 1024, write_flag}}), VIRTIO_BLK_S_IOERR);
    EXPECT_EQ(request(VIRTIO_BLK_T_IN, 300, {{data, 512, write_flag}}), VIRTIO_BLK_S_IOERR);
    EXPECT_EQ(read(0, 512), content_.substr(0, 512));
    if (access == DiskAccess::read_write) {
      EXPECT_EQ(write(300, std::string(512, 'x')), VIRTIO_BLK_S_IOERR);
      std::filesystem::resize_file(path(), 100 * 512);
      DiskFile alone = reopened();
      EXPECT_EQ(alone.write_zeroes(0, 100, 0), DiskFile::Wrote::all);
      std::filesystem::resize_file(path(), 50 * 512);
      EXPECT_NE(alone.write_zeroes(40, 20, 0), DiskFile::Wrote::all)
          << "what lies behind the end can't become zeros";
      EXPECT_EQ(std::filesystem::file_size(path()), 50U * 512);
      continue;
    }
    EXPECT_EQ(std::filesystem::file_size(path()), 100U * 512 + 3);
  }
}

TEST_F(BlockTest, TheEndOfAFileThatIsNoWholeSectorIsThereWithZerosBehindIt) {
  make_file(std::string(512, 'x') + "end");
  const std::string last = "end" + std::string(509, '\0');
  for (const DiskAccess access : {DiskAccess::read_only, DiskAccess::overlay}) {
    EXPECT_EQ(use(access).get(0x100), 2U);
    EXPECT_EQ(read(0, 1024), std::string(512, 'x') + last);
    EXPECT_EQ(read(1, 512), last);
  }
  EXPECT_EQ(write(1, std::string(512, 'y')), VIRTIO_BLK_S_OK);
  EXPECT_EQ(read(1, 512), std::string(512, 'y')) << "the overlay has whole sectors";
  EXPECT_THAT(why_not(DiskAccess::read_write), HasSubstr("'truncate -s %512 "));
  EXPECT_EQ(file(), std::string(512, 'x') + "end");
  make_file("e");
  EXPECT_EQ(use(DiskAccess::read_only).get(0x100), 1U);
  EXPECT_EQ(read(0, 512), "e" + std::string(511, '\0'));
}

TEST_F(BlockTest, FilesThatCannotBeUsed) {
  make_file("");
  EXPECT_THAT(why_not(DiskAccess::overlay), HasSubstr("it is empty"));
  std::filesystem::remove(path());
  EXPECT_THAT(why_not(DiskAccess::overlay), HasSubstr("No such file"));
  std::filesystem::create_directory(path());
  EXPECT_THAT(why_not(DiskAccess::read_only), HasSubstr("neither a file nor a block device"));
  std::filesystem::remove(path());
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);  // nobody writes it: opening must not wait for that
  EXPECT_THAT(why_not(DiskAccess::overlay), HasSubstr("neither a file nor a block device"));
  std::filesystem::remove(path());
}

TEST_F(BlockTest, AWriterNeedsTheFileAlone) {
  {
    const DiskFile reader({path(), DiskAccess::read_only});
    const DiskFile another({path(), DiskAccess::overlay});
    EXPECT_THAT(why_not(DiskAccess::read_write), HasSubstr("another guest uses it"));
  }
  const DiskFile writer({path(), DiskAccess::read_write});
  EXPECT_THAT(why_not(DiskAccess::read_only), HasSubstr("another guest writes it"));
  EXPECT_THAT(why_not(DiskAccess::read_write), HasSubstr("another guest uses it"));
}

TEST_F(BlockTest, AnotherOneGoesOnWithWhatWasOffered) {
  FakeDriver& parent = use(DiskAccess::read_only);
  EXPECT_EQ(read(5, 512), content_.substr(5 * 512, 512));
  parent.ram_.put(header, std::pair<std::uint64_t, std::uint64_t>{VIRTIO_BLK_T_IN, 7});
  parent.request(0, {{header, 16}, {data, 512, write_flag}, {status, 1, write_flag}});
  Block other(DiskFile({path(), DiskAccess::read_only}), "serial-7");
  FakeDriver driver(other);
  ASSERT_EQ(driver.go_on_from(parent), "");
  driver.serve();
  EXPECT_EQ(driver.finished(0), 2);
  EXPECT_EQ(driver.text(data, 512), content_.substr(7 * 512, 512));
}

TEST_F(BlockTest, ADiskOfAnotherSizeOrWithoutWritingIsNotTheSame) {
  FakeDriver& parent = use(DiskAccess::overlay);
  Block reader(DiskFile({path(), DiskAccess::read_only}), "serial-7");
  FakeDriver driver(reader);
  EXPECT_EQ(driver.go_on_from(parent), "its driver uses features that it does not have here");
  EXPECT_EQ(reader.restore(BlockState{399}), "its file has another size now");
  EXPECT_TRUE(reader.restore(NoState{}));
}

}  // namespace
}  // namespace samepage::vmm::test
