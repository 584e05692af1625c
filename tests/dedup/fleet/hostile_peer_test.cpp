// SPDX-License-Identifier: Apache-2.0
// Lies about pages, frames, images and messages themselves; what a peer says of itself has tests of its own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <vector>

#include "base/json.hpp"
#include "base/pipe.hpp"
#include "tests/dedup/fleet/hostile_peer.hpp"

namespace samepage::dedup {
namespace {

TEST_F(HostilePeer, NonsenseInsteadOfHello) {
  say_one(wire::Type::hello, std::uint64_t{0xdeadbeef});
  EXPECT_TRUE(cut_off());
  others_go_on();
}

TEST_F(HostilePeer, AnotherVersionIsToldWhy) {
  wire::Hello hello;
  hello.version = 99;
  hello.pages = 1;
  say_one(wire::Type::hello, hello);
  const auto message = receive_message(socket_.get());
  ASSERT_TRUE(message);
  EXPECT_EQ(message->type, static_cast<std::uint32_t>(wire::Type::refused));
  EXPECT_NE(message->text().find("version 99"), std::string_view::npos);
  EXPECT_TRUE(cut_off());
}

// Not hostile: a guest that was started before samepaged was replaced by this version.
TEST_F(HostilePeer, AGuestOfTheFormerVersionIsLetInAndUnderstood) {
  wire::FormerHello hello{wire::magic, wire::former_version, 16, 0};
  std::string("older").copy(hello.guest, 8);
  std::string("default").copy(hello.domain, 8);
  say_one(wire::Type::hello, hello);
  const auto message = receive_message(socket_.get());
  ASSERT_TRUE(message);
  ASSERT_EQ(message->type, static_cast<std::uint32_t>(wire::Type::welcome));
  EXPECT_EQ(message->fds.size(), 2U);
  const auto welcome = wire::read_one<wire::FormerWelcome>(message->payload);
  ASSERT_TRUE(welcome);
  EXPECT_EQ(welcome->version, wire::former_version);
  EXPECT_GT(welcome->max_frames, 0U);
  say_one(wire::Type::offer, wire::Offer{5, 0, 0});
  say_one(wire::Type::sync, wire::Sync{1});
  const auto answer = receive_message(socket_.get());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->type, static_cast<std::uint32_t>(wire::Type::synced));
  others_go_on();
}

TEST_F(HostilePeer, MorePagesThanThereCanBe) {
  wire::Hello hello;
  hello.pages = wire::max_pages + 1;
  say_one(wire::Type::hello, hello);
  EXPECT_TRUE(cut_off());
}

TEST_F(HostilePeer, PagesThatAreColdAndMapNoFrame) {
  join();
  say_one(wire::Type::cold, PageRange{{3}, 1});
  EXPECT_TRUE(cut_off());
  others_go_on();
}

TEST_F(HostilePeer, SlotsThatNobodyAskedAbout) {
  join();
  say_one(wire::Type::warm, PageRange{{0}, 16});
  say_one(wire::Type::sync, wire::Sync{1});
  EXPECT_TRUE(receive_message(socket_.get())) << "that is always true";
  say_one(wire::Type::retained_out, PageRange{{3}, 1});
  EXPECT_TRUE(cut_off());
  others_go_on();
}

TEST_F(HostilePeer, PagesBeyondItsMemory) {
  join();
  say_one(wire::Type::offer, wire::Offer{1, 16, 0});
  EXPECT_TRUE(cut_off());
  others_go_on();
}

TEST_F(HostilePeer, ARangeThatOverflows) {
  join();
  say_one(wire::Type::withdraw, PageRange{2, 0xffffffff});
  EXPECT_TRUE(cut_off());
}

TEST_F(HostilePeer, HasUsedWhatIsNotItsOwn) {
  join();
  say_one(wire::Type::used, PageRange{0, 16});
  EXPECT_FALSE(cut_off()) << "what is in no paging file is passed over";
  say_one(wire::Type::used, PageRange{8, 9});
  EXPECT_TRUE(cut_off());
  others_go_on();
}

TEST_F(HostilePeer, HasUsedTheSameTwice) {
  join();
  const std::array ranges{PageRange{0, 8}, PageRange{7, 2}};
  say(wire::Type::used, std::as_bytes(std::span(ranges)));
  EXPECT_TRUE(cut_off());
}

TEST_F(HostilePeer, ThatOnlyWantsToBeCountedSaysNothingMore) {
  const std::uint64_t before = fleet_.figure("reserved_bytes");
  wire::Hello hello;
  hello.pages = 1000;
  hello.zero_only = wire::promise_only;
  std::string("alone").copy(hello.guest, 8);
  std::string("none").copy(hello.domain, 8);
  say_one(wire::Type::hello, hello);
  EXPECT_EQ(receive_message(socket_.get())->type, static_cast<std::uint32_t>(wire::Type::promised));
  EXPECT_EQ(fleet_.figure("reserved_bytes"), before + 1000 * page_size);
  EXPECT_FALSE(cut_off());
  say_one(wire::Type::offer, wire::Offer{1, 1, 0});
  EXPECT_TRUE(cut_off());
  EXPECT_EQ(fleet_.figure("reserved_bytes"), before);
  others_go_on();
}

TEST_F(HostilePeer, RangesThatOverlap) {
  join();
  const std::array ranges{PageRange{0, 8}, PageRange{7, 2}};
  say(wire::Type::withdraw, std::as_bytes(std::span(ranges)));
  EXPECT_TRUE(cut_off());
  others_go_on();
}

TEST_F(HostilePeer, ANameThatIsNoText) {
  wire::Hello hello;
  hello.pages = 16;
  hello.guest[0] = '\xff';
  std::string("default").copy(hello.domain, 8);
  say_one(wire::Type::hello, hello);
  EXPECT_TRUE(cut_off());
  others_go_on();
}

TEST_F(HostilePeer, AQuestionOfManyBrackets) {
  const std::string question = "{\"do\":" + std::string(100'000, '[');
  say(wire::Type::query, std::as_bytes(std::span(question)));
  EXPECT_TRUE(cut_off());
  others_go_on();
}

TEST_F(HostilePeer, JoinsAgainAndAgain) {
  // One process: some more of it may join, but not any number.
  std::vector<UniqueFd> kept;
  bool refused = false;
  const Pipe process = make_pipe();
  for (int i = 0; i < 40 && !refused; ++i) {
    kept.push_back(fleet_.dial(checked_fd(::fcntl(process.reading.get(), F_DUPFD_CLOEXEC, 0), "fcntl")));
    wire::Hello hello;
    hello.pages = 16;
    std::string("liar").copy(hello.guest, 8);
    std::string("default").copy(hello.domain, 8);
    static_cast<void>(send_message(kept.back().get(), static_cast<std::uint32_t>(wire::Type::hello),
                                   wire::bytes_of(hello)));
    fleet_.poll_daemon();
    const auto message = receive_message(kept.back().get());
    ASSERT_TRUE(message);
    refused = message->type == static_cast<std::uint32_t>(wire::Type::refused);
  }
  EXPECT_TRUE(refused);
}

// An agent that gave a daemon up which hung, and had nothing from it, leaves nothing behind when the daemon
// goes on.
TEST_F(HostilePeer, JoinsAndHangsUpAgainAndAgain) {
  std::vector<UniqueFd> alive;
  for (int i = 0; i < 40; ++i) {
    Pipe process = make_pipe();
    alive.push_back(std::move(process.writing));
    socket_ = fleet_.dial(std::move(process.reading));
    join();
    if (HasFatalFailure()) return;
    say_one(wire::Type::offer, wire::Offer{1, 3, 0});
    socket_.reset();
    fleet_.poll_daemon();
  }
  others_go_on();
}

TEST_F(HostilePeer, ReadsHolesOfTheStore) {
  join();
  const auto frames = fleet_.figure("pages_shared");
  // What every agent has: a read-only descriptor. Reading a hole through a mapping makes the kernel fill it.
  const Mapping view = Mapping::read_only(store_.get(), 256 * page_size);
  for (std::size_t page = 0; page < 256; ++page) {
    static_cast<void>(*const_cast<const volatile std::byte*>(view.data() + page * page_size));
  }
  EXPECT_GT(fleet_.figure("store_bytes"), frames * page_size);
  socket_.reset();  // it reports no pass, and nobody waits for one
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("store_bytes"), frames * page_size);
  others_go_on();
}

TEST_F(HostilePeer, BreaksWhatItNeverMerged) {
  join();
  say_one(wire::Type::broken, PageRange{0, 1});
  EXPECT_TRUE(cut_off());
  others_go_on();
}

TEST_F(HostilePeer, ConfirmsWhatWasNeverGranted) {
  join();
  say(wire::Type::merged, wire::encode(wire::Merged{{{0, 1}}, {}}));
  EXPECT_TRUE(cut_off());
}

TEST_F(HostilePeer, DonatesUnasked) {
  join();
  say_one(wire::Type::donated, wire::Donation{0, 5});
  EXPECT_TRUE(cut_off());
}

TEST_F(HostilePeer, DonatesOtherBytesThanItOffered) {
  join();
  // It offers a page of the same digest as one of b's that nobody shares, and donates zeros for it.
  b_.fill(12, 555);
  fleet_.settle();
  const auto before = fleet_.figure("pages_shared");
  // What it does not know it can only guess; so it offers two equal digests of its own and donates rubbish.
  say_one(wire::Type::offer, wire::Offer{123, 0, 0});
  say_one(wire::Type::offer, wire::Offer{123, 1, 0});
  const auto verdict = receive_message(socket_.get());
  ASSERT_TRUE(verdict);
  const auto decoded = wire::decode_verdict(verdict->payload);
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->donate.size(), 1U);
  say_one(wire::Type::donated, decoded->donate[0]);
  EXPECT_EQ(fleet_.figure("pages_shared"), before);
  others_go_on();
}

TEST_F(HostilePeer, TruncatedLists) {
  join();
  say(wire::Type::offer, std::vector<std::byte>(sizeof(wire::Offer) + 1));
  EXPECT_TRUE(cut_off());
}

TEST_F(HostilePeer, AQuestionInTheMiddleOfASession) {
  join();
  say(wire::Type::query, std::as_bytes(std::span(std::string_view("{\"do\":\"stat\"}"))));
  EXPECT_TRUE(cut_off());
}

TEST_F(HostilePeer, AnImageBeyondItsMemory) {
  join();
  say_one(wire::Type::image, wire::Offer{1, 16, 0});
  EXPECT_TRUE(cut_off());
  others_go_on();
}

TEST_F(HostilePeer, AnImageOfMorePagesThanAMessageMayHave) {
  join();
  say(wire::Type::image, std::vector<std::byte>((wire::max_offers + 1) * sizeof(wire::Offer)));
  EXPECT_TRUE(cut_off());
}

TEST_F(HostilePeer, ASyncThatIsNone) {
  join();
  say_one(wire::Type::sync, std::uint64_t{1});
  EXPECT_TRUE(cut_off());
  others_go_on();
}

TEST_F(HostilePeer, NamesAnImageAndDonatesNothing) {
  join();
  const FleetImage image = image_for(a_, 12, {101, 102, 103});
  std::vector<wire::Offer> offers;
  for (std::uint32_t page = 0; page < 3; ++page) {
    offers.push_back({digest_of_page(image.bytes.data() + page * page_size, secret_).value, page, 0});
  }
  say(wire::Type::image, std::as_bytes(std::span(offers)));
  // A guest of that image waits for nobody: it copies, and shares once somebody has donated.
  fleet_.load(a_, 12, {101, 102, 103});
  fleet_.check_everything("after loading");
  EXPECT_EQ(a_.frames_mapped(), 8U);
  socket_.reset();
  fleet_.poll_daemon();
  fleet_.load(b_, 12, {101, 102, 103});
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_sharing"), 11U);
  fleet_.check_everything("in the end");
}

TEST_F(HostilePeer, NamesAnImageAndDonatesOtherBytes) {
  join();
  const FleetImage image = image_for(a_, 12, {101});
  say_one(wire::Type::image, wire::Offer{digest_of_page(image.bytes.data(), secret_).value, 0, 0});
  const auto message = receive_message(socket_.get());
  ASSERT_TRUE(message);
  const auto verdict = wire::decode_verdict(message->payload);
  ASSERT_TRUE(verdict && verdict->donate.size() == 1);
  say_one(wire::Type::donated, verdict->donate[0]);  // the slot holds zeros
  fleet_.load(a_, 12, {101});
  fleet_.check_everything("after loading");
  EXPECT_EQ(a_.frames_mapped(), 9U);
  others_go_on();
}

TEST_F(HostilePeer, RandomBytesCrashNothingAndOthersGoOn) {
  std::mt19937 random(4);
  for (int round = 0; round < 200; ++round) {
    // An ended process makes room for the next.
    Pipe process = make_pipe();
    socket_ = fleet_.dial(std::move(process.reading));
    if (random() % 2 == 0) join();
    for (int i = 0; i < 8; ++i) {
      std::vector<std::byte> bytes(random() % 64);
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() % 4);
      say(static_cast<wire::Type>(random() % 10), bytes);
    }
  }
  socket_.reset();
  fleet_.poll_daemon();
  others_go_on();
}

}  // namespace
}  // namespace samepage::dedup
