// SPDX-License-Identifier: Apache-2.0
// A guest is loaded with an image while the daemon lies, keeps silent or goes. Its memory holds the image all
// the same, every byte. (Most of this file is the false daemon, which all tests use.)
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <thread>
#include <tuple>

#include "dedup/daemon/frame_store.hpp"
#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {
namespace {

using std::chrono::milliseconds;

// The test is the daemon: it reads what the agent says and answers as it likes.
class FalseDaemon : public testing::Test {
 protected:
  static constexpr std::uint32_t max_frames = 1024;
  static constexpr std::uint32_t slots = 8;
  static constexpr ImageSharing::Patience short_patience{milliseconds(20), milliseconds(5000)};
  static constexpr ImageSharing::Patience no_end{milliseconds(60'000), milliseconds(60'000)};

  FalseDaemon() {
    UniqueFd agents;
    std::tie(socket_, agents) = connected_sockets();
    // What the agent may have under way is little, so that few messages fill it.
    const int buffer = 1 << 16;
    check(::setsockopt(agents.get(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)), "setsockopt");
    std::thread joining([&] { guest_.worker->connect(std::move(agents)); });
    EXPECT_TRUE(receive_message(socket_.get()));
    wire::Welcome welcome;
    welcome.staging_slots = slots;
    welcome.max_frames = max_frames;
    welcome.secret = random_digest_secret();
    const UniqueFd store = store_.open_read_only(), staging = make_staging(slots);
    const std::array<int, 2> fds{store.get(), staging.get()};
    EXPECT_TRUE(send_message(socket_.get(), static_cast<std::uint32_t>(wire::Type::welcome),
                             wire::bytes_of(welcome), fds));
    joining.join();
  }
  FalseDaemon(const FalseDaemon&) = delete;
  FalseDaemon& operator=(const FalseDaemon&) = delete;
  ~FalseDaemon() override { wait(); }

  void load(const std::vector<std::uint64_t>& contents, ImageSharing::Patience patience = no_end) {
    image_ = image_for(guest_, first, contents);
    loading_ = std::thread([this, patience] { guest_.worker->place(image_.parts, patience); });
  }
  // Until the image is loaded.
  void wait() {
    if (loading_.joinable()) loading_.join();
  }
  void say(wire::Type type, std::span<const std::byte> payload) {
    EXPECT_TRUE(send_message(socket_.get(), static_cast<std::uint32_t>(type), payload));
  }
  void grant(const std::vector<wire::Grant>& grants) {
    say(wire::Type::verdict, wire::encode(wire::Verdict{grants, {}}));
  }
  // Reads up to the agent's SYNC.
  wire::Sync hear_all() {
    for (;;) {
      const auto message = receive_message(socket_.get());
      if (!message) return {};
      if (message->type != static_cast<std::uint32_t>(wire::Type::sync)) continue;
      return wire::read_one<wire::Sync>(message->payload).value_or(wire::Sync{});
    }
  }
  wire::Merged answer_to_grants() {
    wire::Merged all;
    pollfd waiting{socket_.get(), POLLIN, 0};
    while (::poll(&waiting, 1, 0) > 0) {
      const auto message = receive_message(socket_.get());
      if (!message) break;
      const auto merged = wire::decode_merged(message->payload);
      if (message->type != static_cast<std::uint32_t>(wire::Type::merged) || !merged) continue;
      all.kept.insert(all.kept.end(), merged->kept.begin(), merged->kept.end());
      all.refused.insert(all.refused.end(), merged->refused.begin(), merged->refused.end());
    }
    return all;
  }
  void answer_sync(wire::Sync sync) { say(wire::Type::synced, wire::bytes_of(sync)); }
  // The frame gets the bytes of the guest's page, with one of them spoilt.
  void write_frame(std::uint32_t frame, std::size_t page, std::optional<std::size_t> spoilt = std::nullopt) {
    std::vector<std::byte> bytes(page_size);
    std::memcpy(bytes.data(), guest_.shadow.data() + page * page_size, page_size);
    if (spoilt) bytes[*spoilt] ^= std::byte{1};
    store_.write({frame}, bytes);
  }
  void expect_cut_off() {
    wait();
    EXPECT_FALSE(guest_.worker->connected());
    EXPECT_TRUE(guest_.intact());
  }

  static constexpr std::uint32_t first = 4;
  Fleet fleet_;
  FleetGuest& guest_ = fleet_.add_apart(8192);
  FrameStore store_;
  FleetImage image_;
  UniqueFd socket_;
  std::thread loading_;
};

TEST_F(FalseDaemon, GrantsFramesOfOtherBytes) {
  load({1, 2, 3, 4});
  const wire::Sync sync = hear_all();
  write_frame(0, first);
  write_frame(1, first + 1, 0);
  write_frame(2, first + 2, page_size - 1);
  write_frame(3, first + 3);
  grant({{first, 0, 4}});
  answer_sync(sync);
  wait();
  EXPECT_TRUE(guest_.intact());
  const wire::Merged answer = answer_to_grants();
  ASSERT_EQ(answer.kept.size(), 2U);
  ASSERT_EQ(answer.refused.size(), 1U);
  EXPECT_EQ(answer.refused[0].first.value, first + 1);
  EXPECT_EQ(answer.refused[0].count, 2U);
  EXPECT_TRUE(guest_.worker->connected());
}

TEST_F(FalseDaemon, GrantsFramesOfOtherPages) {
  load({1, 2});
  const wire::Sync sync = hear_all();
  write_frame(0, first + 1);
  write_frame(1, first);
  grant({{first, 0, 2}});
  answer_sync(sync);
  wait();
  EXPECT_TRUE(guest_.intact());
  EXPECT_TRUE(answer_to_grants().kept.empty());
}

TEST_F(FalseDaemon, GrantsFramesBeyondTheStoresEnd) {
  load({1, 2});
  const wire::Sync sync = hear_all();
  grant({{first, max_frames - 2, 2}});  // nothing was ever written: the file is empty
  answer_sync(sync);
  wait();
  EXPECT_TRUE(guest_.intact());
  EXPECT_EQ(answer_to_grants().refused.size(), 1U);
}

TEST_F(FalseDaemon, GrantsFramesThatCannotBe) {
  load({1, 2});
  hear_all();
  grant({{first, max_frames - 1, 2}});
  expect_cut_off();
}

TEST_F(FalseDaemon, GrantsPagesThatAreNoneOfTheImage) {
  load({1, 2});
  hear_all();
  write_frame(0, first);
  grant({{first + 1, 0, 2}});
  expect_cut_off();
}

TEST_F(FalseDaemon, GrantsAZeroPage) {
  load({1, 0, 2});
  hear_all();
  grant({{first, 0, 3}});
  expect_cut_off();
}

TEST_F(FalseDaemon, GrantsAPageTwice) {
  load({1, 2});
  hear_all();
  write_frame(0, first);
  grant({{first, 0, 1}});
  grant({{first, 0, 1}});
  expect_cut_off();
}

TEST_F(FalseDaemon, AsksForPagesThatAreNoneOfTheImage) {
  load({1, 2});
  hear_all();
  say(wire::Type::verdict, wire::encode(wire::Verdict{{}, {{first + 2, 0}}}));
  expect_cut_off();
}

TEST_F(FalseDaemon, AsksForASlotThatIsNone) {
  load({1, 2});
  hear_all();
  say(wire::Type::verdict, wire::encode(wire::Verdict{{}, {{first, slots}}}));
  expect_cut_off();
}

TEST_F(FalseDaemon, AnswersWhatWasNotAsked) {
  load({1, 2});
  const wire::Sync sync = hear_all();
  answer_sync({sync.number + 1});
  expect_cut_off();
}

TEST_F(FalseDaemon, TalksNonsense) {
  load({1, 2});
  hear_all();
  say(wire::Type::verdict, std::vector<std::byte>(3));
  expect_cut_off();
}

TEST_F(FalseDaemon, GoesInTheMiddle) {
  load({1, 2, 3});
  hear_all();
  write_frame(0, first);
  grant({{first, 0, 1}});
  socket_.reset();
  expect_cut_off();
}

TEST_F(FalseDaemon, TunesInTheMiddle) {
  load({1, 2});
  const wire::Sync sync = hear_all();
  wire::Knobs knobs;
  knobs.merging = 0;
  say(wire::Type::knobs, wire::bytes_of(knobs));
  answer_sync(sync);
  wait();
  EXPECT_EQ(guest_.worker->knobs().merging, 0U);
  EXPECT_TRUE(guest_.intact());
}

TEST_F(FalseDaemon, KeepsSilentAndIsHeardLater) {
  load({1, 2, 3}, short_patience);
  wait();
  EXPECT_TRUE(guest_.intact());
  ASSERT_TRUE(guest_.worker->connected());
  // Now it answers: what it grants is compared like any grant.
  const wire::Sync sync = hear_all();
  write_frame(0, first);
  write_frame(1, first + 1, 17);
  write_frame(2, first + 2);
  guest_.write((first + 2) * page_size, 5);  // the guest runs, and has written this one
  grant({{first, 0, 3}});
  answer_sync(sync);
  guest_.worker->handle_messages();
  EXPECT_TRUE(guest_.intact());
  EXPECT_TRUE(guest_.worker->connected());
  const wire::Merged answer = answer_to_grants();
  ASSERT_EQ(answer.kept.size(), 1U);
  EXPECT_EQ(answer.kept[0].first.value, first);
  EXPECT_EQ(answer.kept[0].count, 1U);
}

// What it has said is there to be read, but the time is over: it is read when the guest runs.
TEST_F(FalseDaemon, TalksForLongerThanAnybodyListens) {
  wire::Knobs knobs;
  knobs.merging = 0;
  say(wire::Type::knobs, wire::bytes_of(knobs));
  load({1, 2}, {milliseconds(60'000), milliseconds(0)});
  wait();
  EXPECT_TRUE(guest_.intact());
  ASSERT_TRUE(guest_.worker->connected());
  EXPECT_EQ(guest_.worker->knobs().merging, 1U);
  guest_.worker->handle_messages();
  EXPECT_EQ(guest_.worker->knobs().merging, 0U);
}

TEST_F(FalseDaemon, AsksForDonationsTooLate) {
  load({1, 2}, short_patience);
  wait();
  hear_all();
  say(wire::Type::verdict, wire::encode(wire::Verdict{{}, {{first, 3}}}));
  guest_.worker->handle_messages();
  EXPECT_TRUE(guest_.worker->connected());
  const auto message = receive_message(socket_.get());
  ASSERT_TRUE(message);
  EXPECT_EQ(message->type, static_cast<std::uint32_t>(wire::Type::donated));
}

TEST_F(FalseDaemon, ReadsNothing) {
  std::vector<std::uint64_t> contents(8000);
  for (std::size_t i = 0; i < contents.size(); ++i) contents[i] = 1 + i;
  load(contents, short_patience);
  wait();
  EXPECT_TRUE(guest_.intact());
  EXPECT_TRUE(guest_.worker->connected());
}

// Its WELCOME says nothing of whole reports, so it is an older one that would not understand them.
TEST_F(FalseDaemon, IsToldWhatAllDaemonsKnow) {
  guest_.worker->run_pass();
  for (;;) {
    const auto message = receive_message(socket_.get());
    ASSERT_TRUE(message);
    if (message->type != static_cast<std::uint32_t>(wire::Type::report)) continue;
    EXPECT_EQ(message->payload.size(), wire::short_report);
    break;
  }
}

// --- After that.

TEST_F(FalseDaemon, GrantsInSeveralMessagesAtOnce) {
  load({1, 2, 3, 4, 5, 6});
  answer_sync(hear_all());
  wait();
  for (std::uint32_t i = 0; i < 6; ++i) write_frame(i, first + i);
  const std::uint64_t holds = guest_.worker->counters().holds;
  for (std::uint32_t i = 0; i < 6; ++i) grant({{first + 5 - i, 5 - i, 1}});
  guest_.worker->handle_messages();
  EXPECT_TRUE(guest_.intact());
  const wire::Merged answer = answer_to_grants();
  ASSERT_EQ(answer.kept.size(), 1U) << "one message for all of them";
  EXPECT_EQ(answer.kept[0].count, 6U);
  EXPECT_EQ(guest_.worker->counters().holds, holds + 1);
}

// What was said behind what cuts it off is not obeyed, and does no harm.
TEST_F(FalseDaemon, GrantsWhatCannotBeAndSaysMore) {
  load({1, 2});
  answer_sync(hear_all());
  wait();
  grant({{first, max_frames - 1, 2}});
  say(wire::Type::paging_file, wire::bytes_of(wire::PagingFile{}));
  say(wire::Type::knobs, wire::bytes_of(wire::Knobs{}));
  guest_.worker->handle_messages();
  expect_cut_off();
}

}  // namespace
}  // namespace samepage::dedup
