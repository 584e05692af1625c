// SPDX-License-Identifier: Apache-2.0
// A guest that finds lost and foreign writes on its disk and in its persistent memory. It writes runs of
// blocks, or zeros over them, and keeps in RAM what each block has to hold; it reads others back and compares
// them. What it writes depends on the time, so clones never write the same.
//   blocks=N                 of 4 KiB, from the disk's start on; 64 if absent
//   device=ADDRESS           of the virtio block device (MMIO); the first one of Samepage's if absent
//   pmem=ADDRESS pages=N     persistent memory to do the same with; none if absent, 64 pages
//   pause_us=N               sleep between rounds, 1000 if absent
// Prints `ready` when all blocks are written. The first wrong word ends it with code 1.
// Long because it is a driver, a disk's model and a check in one: a guest program is one file.
#include <algorithm>

#include "guest/lib/console.hpp"
#include "guest/lib/content.hpp"
#include "guest/lib/memory.hpp"
#include "guest/lib/random.hpp"
#include "guest/lib/runtime.hpp"
#include "guest/lib/time.hpp"

namespace samepage::guest {
namespace {

constexpr std::uint64_t default_device = 0xfeb00000;
constexpr std::uint64_t sectors_per_block = page_size / 512;
constexpr unsigned short_wait = 100;
constexpr std::size_t most_blocks = 40;  // of one request: more than the VMM carries out in one piece

// virtio 1.2, 4.2.2, 2.1, 2.7, 5.2
enum Register : std::uint64_t {
  magic_value = 0x00,
  device_id = 0x08,
  driver_features = 0x20,
  driver_features_sel = 0x24,
  queue_sel = 0x30,
  queue_num = 0x38,
  queue_ready = 0x44,
  queue_notify = 0x50,
  status_register = 0x70,
  queue_desc_low = 0x80,
  queue_driver_low = 0x90,
  queue_device_low = 0xa0,
};
constexpr std::uint32_t magic = 0x74726976;
constexpr std::uint32_t id_of_disks = 2;
constexpr std::uint32_t feature_write_zeroes = 1U << 14U;
constexpr std::uint32_t feature_version_1 = 1;  // bit 32
constexpr std::uint32_t acknowledge = 1, driver = 2, driver_ok = 4, features_ok = 8;
constexpr std::uint16_t queue_size = 4;
constexpr std::uint16_t flag_next = 1, flag_writable = 2;
enum Request : std::uint32_t { read_blocks = 0, write_blocks = 1, write_zeroes = 13 };

struct Descriptor {
  std::uint64_t address;
  std::uint32_t length;
  std::uint16_t flags;
  std::uint16_t next;
};
struct DriverArea {
  std::uint16_t flags, index;
  std::uint16_t heads[queue_size];
};
struct DeviceArea {
  std::uint16_t flags, index;
  struct {
    std::uint32_t head, bytes;
  } used[queue_size];
};
struct Header {
  std::uint32_t type, reserved;
  std::uint64_t sector;
};
struct Range {
  std::uint64_t sector;
  std::uint32_t count, flags;
};
struct Wishes {
  Header header;
  Range range;
  volatile std::uint8_t status;
};

[[noreturn]] void fail(std::string_view what, std::uint64_t number) {
  print("disk: FAILED: ", what, " ", number, "\n");
  exit(code_failed);
}

// One request at a time; the answer is waited for.
class Disk {
 public:
  explicit Disk(std::uint64_t address) : registers_(address) {
    if (load(magic_value) != magic || load(device_id) != id_of_disks) {
      refuse("there is no virtio disk; give the guest one, or say where with device=");
    }
    store(status_register, 0);
    store(status_register, acknowledge | driver);
    store(driver_features_sel, 0);
    store(driver_features, feature_write_zeroes);
    store(driver_features_sel, 1);
    store(driver_features, feature_version_1);
    store(status_register, acknowledge | driver | features_ok);
    store(queue_sel, 0);
    store(queue_num, queue_size);
    store(queue_desc_low, low_address(descriptors_.data()));
    store(queue_driver_low, low_address(driver_area_.data()));
    store(queue_device_low, low_address(device_area_.data()));
    store(queue_ready, 1);
    store(status_register, acknowledge | driver | features_ok | driver_ok);
  }

  [[nodiscard]] std::span<Page> buffer() const { return buffer_; }

  void request(Request type, std::uint64_t block, std::size_t count) {
    Wishes& wishes = wishes_.front();
    wishes.header = {type, 0, type == write_zeroes ? 0 : block * sectors_per_block};
    wishes.range = {block * sectors_per_block, static_cast<std::uint32_t>(count * sectors_per_block), 0};
    wishes.status = 0xff;
    const auto bytes = static_cast<std::uint32_t>(count * page_size);
    descriptors_[0] = {low_address(&wishes.header), sizeof(Header), flag_next, 1};
    if (type == write_zeroes) {
      descriptors_[1] = {low_address(&wishes.range), sizeof(Range), flag_next, 2};
    } else {
      const auto way = static_cast<std::uint16_t>(type == read_blocks ? flag_writable : 0);
      descriptors_[1] = {low_address(buffer_.data()), bytes, static_cast<std::uint16_t>(flag_next | way), 2};
    }
    descriptors_[2] = {low_address(const_cast<std::uint8_t*>(&wishes.status)), 1, flag_writable, 0};
    volatile DriverArea& offers = driver_area_.front();
    offers.heads[offers.index % queue_size] = 0;
    asm volatile("mfence" ::: "memory");
    const auto next = static_cast<std::uint16_t>(offers.index + 1);
    offers.index = next;
    asm volatile("mfence" ::: "memory");
    store(queue_notify, 0);
    const volatile DeviceArea& answers = device_area_.front();
    // Whoever carries it out may need this processor.
    for (unsigned looks = 0; answers.index != next; ++looks) {
      looks < short_wait ? spin_for(microseconds(1)) : sleep_for(microseconds(50));
    }
    asm volatile("mfence" ::: "memory");
    if (wishes.status != 0) fail("the disk could not do a request, status", wishes.status);
  }

 private:
  template <typename Thing>
  static std::uint32_t low_address(const Thing* thing) {
    // SAFETY: the heap is below 4 GiB, and mapped where it is.
    return static_cast<std::uint32_t>(reinterpret_cast<std::uint64_t>(thing));
  }
  // In assembler: one access of four bytes each, whatever the compiler thinks of it.
  [[nodiscard]] std::uint32_t load(Register offset) const {
    std::uint32_t value = 0;
    asm volatile("movl (%1), %0" : "=r"(value) : "r"(registers_ + offset) : "memory");
    return value;
  }
  void store(Register offset, std::uint32_t value) const {
    asm volatile("movl %1, (%0)" ::"r"(registers_ + offset), "r"(value) : "memory");
  }

  std::uint64_t registers_;
  std::span<Descriptor> descriptors_ = take_array<Descriptor>(queue_size);
  std::span<DriverArea> driver_area_ = take_array<DriverArea>(1);
  std::span<DeviceArea> device_area_ = take_array<DeviceArea>(1);
  std::span<Wishes> wishes_ = take_array<Wishes>(1);
  std::span<Page> buffer_ = take_pages(most_blocks);
};

// What a block or page has to hold: a number that its words are made from, 0 for zeros.
std::uint64_t word_of(std::uint64_t content, std::uint64_t block, std::size_t word) {
  return content == 0 ? 0 : Content{content, block}.word(word);
}

void fill(Page& page, std::uint64_t content, std::uint64_t block) {
  for (std::size_t word = 0; word < words_per_page; ++word) page[word] = word_of(content, block, word);
}

void check(const Page& page, std::uint64_t content, std::uint64_t block, std::string_view what) {
  for (std::size_t word = 0; word < words_per_page; ++word) {
    if (page[word] != word_of(content, block, word)) fail(what, block);
  }
}

class Scribbler {
 public:
  Scribbler(Disk& disk, std::uint64_t blocks, std::span<Page> pmem)
      : disk_(disk),
        blocks_(take_array<std::uint64_t>(blocks)),
        pmem_(pmem),
        pages_(take_array<std::uint64_t>(std::max<std::size_t>(pmem.size(), 1))) {}

  void write_all() {
    for (std::size_t block = 0; block < blocks_.size(); block += most_blocks) {
      write(block, std::min(most_blocks, blocks_.size() - block), false);
    }
    for (std::size_t page = 0; page < pmem_.size(); page += 3) write_page(page);
    // What the file had before is not known: the others are checked once they are written.
  }

  void round() {
    const std::size_t first = random_.below(blocks_.size());
    const std::size_t count = 1 + random_.below(std::min(most_blocks, blocks_.size() - first));
    write(first, count, random_.below(8) == 0);
    const std::size_t from = random_.below(blocks_.size());
    verify(from, 1 + random_.below(std::min(most_blocks, blocks_.size() - from)));
    if (pmem_.empty()) return;
    write_page(random_.below(pmem_.size()));
    for (int i = 0; i < 8; ++i) {
      const std::size_t page = random_.below(pmem_.size());
      if (pages_[page] != 0) check(pmem_[page], pages_[page], page, "page of persistent memory");
    }
  }

 private:
  void write(std::size_t first, std::size_t count, bool zeros) {
    for (std::size_t block = first; block < first + count; ++block) {
      blocks_[block] = zeros ? 0 : mix(now().count + block) | 1U;
      if (!zeros) fill(disk_.buffer()[block - first], blocks_[block], block);
    }
    disk_.request(zeros ? write_zeroes : write_blocks, first, count);
  }
  void verify(std::size_t first, std::size_t count) {
    disk_.request(read_blocks, first, count);
    for (std::size_t block = first; block < first + count; ++block) {
      check(disk_.buffer()[block - first], blocks_[block], block, "block");
    }
  }
  void write_page(std::size_t page) {
    pages_[page] = mix(now().count + page) | 1U;
    fill(pmem_[page], pages_[page], page);
  }

  Disk& disk_;
  std::span<std::uint64_t> blocks_;
  std::span<Page> pmem_;
  std::span<std::uint64_t> pages_;  // 0: not written yet
  Random random_{now().count};
};

}  // namespace

const std::string_view known_keys = "blocks device pmem pages pause_us";

std::uint8_t run(const Arguments& arguments) {
  Disk disk{arguments.number("device", default_device)};
  std::span<Page> pmem;
  if (const auto address = arguments.number("pmem")) {
    // SAFETY: whoever starts the guest has put memory there.
    pmem = {reinterpret_cast<Page*>(*address), arguments.number("pages", 64)};
  }
  const std::uint64_t blocks = arguments.number("blocks", 64);
  if (blocks == 0) refuse("blocks must be 1 or more");
  Scribbler scribbler{disk, blocks, pmem};
  const Ticks pause = microseconds(arguments.number("pause_us", 1000));
  scribbler.write_all();
  print("ready\n");
  for (;;) {
    scribbler.round();
    sleep_for(pause);
  }
}

}  // namespace samepage::guest
