// SPDX-License-Identifier: Apache-2.0
// What a connection does, with clients that keep the rules and with those that don't. After each of these,
// and meanwhile, others are served.
// Long because each kind of misbehaviour has its test, and all need the same client.
#include "manage/libvirt/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "tests/base/wait_until.hpp"
#include "tests/manage/libvirt/client.hpp"

namespace samepage::libvirt::test {
namespace {

using testing::StartsWith;

const std::string web = std::string(web_bytes) + " ";

ServerConfig narrow() {
  ServerConfig config;
  config.clients = 3;
  config.session.calls = 6;
  config.session.slow_calls = 2;
  config.session.unread_events = 100'000;
  return config;
}

class Sessions : public Served {
 protected:
  Sessions() : Served(narrow()) {}
  /// Another client is served.
  void expect_others_served() { EXPECT_EQ(connect().opened().answer(59), "00000004 686f7374"); }
};

TEST_F(Sessions, AreOpenedAsClientsDo) {
  Client client = connect();
  EXPECT_EQ(client.answer(66), "00000001 00000000");
  EXPECT_EQ(client.answer(60, "0000000a"), "00000001");
  client.opened();
  EXPECT_EQ(client.answer(60, "0000000e"), "00000001");
  EXPECT_EQ(client.answer(60, "00000009"), "00000001");
  for (const char* feature : {"00000001", "00000008", "0000000f", "00000063"}) {
    EXPECT_EQ(client.answer(60, feature), "00000000") << feature;
  }
  EXPECT_EQ(client.answer(2), "");
  EXPECT_THAT(client.answer(59), StartsWith("error 1:")) << "it is closed";
  client.opened();
  EXPECT_EQ(client.answer(51), "00000001");
}

TEST_F(Sessions, NothingIsDoneBeforeTheyAreOpen) {
  Client client = connect();
  for (const std::int32_t procedure : {59, 12, 167, 316}) {
    EXPECT_THAT(client.answer(procedure, web), StartsWith("error 1:")) << procedure;
  }
  EXPECT_THAT(client.opened().answer(1, "00000000 00000000"), StartsWith("error 1:")) << "twice";
  EXPECT_TRUE(host_.done().empty());
}

TEST_F(Sessions, OfOtherHypervisorsAreRefused) {
  Client client = connect();
  EXPECT_THAT(client.answer(1, "00000001 00000005 78656e3a 2f000000 00000000"), StartsWith("error 5:"));
  client.opened();
}

// 2 and 4 come from a client whose URI ends with /session.
TEST_F(Sessions, BitsThatClientsLeaveInTheirFlagsAskNothing) {
  Client writer = connect();
  EXPECT_EQ(writer.answer(1, "00000000 00000006"), "");
  Client reader = connect();
  EXPECT_EQ(reader.answer(1, "00000000 00000007"), "");
  EXPECT_THAT(reader.answer(12, web), StartsWith("error 29:"));
}

TEST_F(Sessions, WhatThereIsNotIsRefusedInWordsThatClientsKnow) {
  Client client = connect();
  client.opened();
  EXPECT_EQ(client.answer(99, web), "error 39: unknown procedure: 99");
  EXPECT_EQ(client.answer(203),
            "error 3: this function is not supported by the connection driver: virConnectGetSysinfo");
  EXPECT_EQ(client.answer(-1), "error 39: unknown procedure: -1");
  Header call;
  call.program = 0x20008087;
  call.procedure = 1;
  client.send(call);
  EXPECT_EQ(Client::text_of(*client.receive()), "error 39: Cannot find program 536903815 version 1");
  call = Header();
  call.version = 2;
  client.send(call);
  EXPECT_EQ(Client::text_of(*client.receive()), "error 39: Cannot find program 536903814 version 2");
  call = Header();
  call.procedure = 59;
  call.status = Status::error;
  client.send(call);
  EXPECT_THAT(Client::text_of(*client.receive()), StartsWith("error 39:"));
  EXPECT_EQ(client.answer(59), "00000004 686f7374");
}

TEST_F(Sessions, ThatMayOnlyReadChangeNothing) {
  Client asked = connect();
  asked.opened(true);
  Client let = connect(Access::reads);
  let.opened();
  for (Client* client : {&asked, &let}) {
    for (const Procedure& procedure : all_procedures()) {
      if (procedure.access == Access::reads) continue;
      EXPECT_EQ(client->answer(procedure.number, web),
                fmt::format("error 29: operation forbidden: this connection may only read: {}",
                            procedure.function));
    }
    EXPECT_EQ(client->answer(14, web + "00000000"), "00000005 3c78302f 3e000000");
    EXPECT_THAT(client->answer(14, web + "00000001"), StartsWith("error 29:")) << "with secrets";
    EXPECT_EQ(client->answer(2), "");
    client->opened();
    EXPECT_THAT(client->answer(12, web), StartsWith("error 29:")) << "opened anew";
  }
  EXPECT_TRUE(host_.done().empty());
}

TEST_F(Sessions, KeepaliveIsAnsweredWhileACallTakesItsTime) {
  Gate gate;
  host_.on_start = [&] { gate.wait(); };
  Client client = connect();
  client.opened();
  const std::uint32_t slow = client.call(9, web);
  gate.wait_for_callers(1);
  Header ping;
  ping.program = keepalive_program;
  ping.procedure = keepalive_ping;
  ping.type = MessageType::message;
  client.send(ping);
  const std::optional<Message> pong = client.receive();
  ASSERT_TRUE(pong);
  EXPECT_EQ(pong->header.program, keepalive_program);
  EXPECT_EQ(pong->header.procedure, keepalive_pong);
  EXPECT_EQ(pong->header.type, MessageType::message);
  EXPECT_EQ(client.answer(59), "00000004 686f7374") << "and so are quick calls";
  expect_others_served();
  gate.open();
  EXPECT_EQ(client.receive()->header.serial, slow);
}

TEST_F(Sessions, HaveOnlySoManyCallsUnderWay) {
  Gate gate;
  host_.on_start = [&] { gate.wait(); };
  Client client = connect();
  client.opened();
  for (int i = 0; i < 10; ++i) client.call(9, web);
  const std::uint32_t last = client.call(59);
  gate.wait_for_callers(2);
  EXPECT_EQ(gate.callers(), 2) << "more than its part is carried out at once";
  expect_others_served();
  pollfd answer{client.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&answer, 1, 0), 0) << "a call beyond those that it may have was read";
  gate.open();
  std::set<std::uint32_t> answered;
  for (int i = 0; i < 11; ++i) answered.insert(client.receive()->header.serial);
  EXPECT_EQ(answered.size(), 11U);
  EXPECT_TRUE(answered.contains(last));
  EXPECT_EQ(host_.done().size(), 10U);
}

TEST_F(Sessions, AClientThatHangsUpHalfWayIsForgotten) {
  const Bytes whole =
      from_hex("00000028 20008086 00000001 00000001 00000000 00000005 00000000 00000001 00000000 00000001");
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    Client client = connect();
    client.send(std::span(whole).first(size));
    client.hang_up();
    wait_for_clients(0);
  }
  Gate gate;
  host_.on_start = [&] { gate.wait(); };
  Client client = connect();
  client.opened();
  for (int i = 0; i < 5; ++i) client.call(9, web);
  gate.wait_for_callers(2);
  client.hang_up();
  wait_for_clients(0);
  gate.open();
  expect_others_served();
}

TEST_F(Sessions, WhatIsNoMessageEndsTheConnection) {
  for (const char* garbage : {
           "00000000",                                                        // no length
           "0000001b 20008086 00000001 00000001 00000000 00000005 000000",    // less than a header
           "00010001",                                                        // too long at first
           "ffffffff 20008086 00000001",                                      //
           "474554 202f2048 5454502f 312e31 0d0a",                            // another protocol
           "0000001c 20008086 00000001 0000003b 00000004 00000000 00000000",  // with descriptors
           "0000001c 20008086 00000001 0000003b 00000001 00000000 00000000",  // a reply
           "0000001c 20008086 00000001 0000003b 00000077 00000000 00000000",  // of no type
           "0000001c 12345678 00000001 0000003b 00000001 00000000 00000000",  // of no program
           "0000001c 6b656570 00000001 00000001 00000000 00000000 00000000",  // keepalive as a call
       }) {
    Client client = connect();
    client.send(from_hex(garbage));
    EXPECT_TRUE(client.is_cut_off()) << garbage;
    wait_for_clients(0);
  }
  expect_others_served();
}

TEST_F(Sessions, ALongMessageIsForThoseWhoHaveOpened) {
  Client client = connect();
  client.opened();
  client.call(350, hex(XdrWriter().text(std::string(max_text, 'x')).u32(0).take()));
  EXPECT_EQ(Client::text_of(*client.receive()) + " ", web);
  client.send(from_hex("00800001"));
  EXPECT_TRUE(client.is_cut_off());
}

TEST_F(Sessions, ThereAreOnlySoMany) {
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(connect());
  EXPECT_THROW(connect(), UserError);
  clients.pop_back();
  wait_for_clients(2);
  expect_others_served();
}

TEST_F(Sessions, AreForTheServersUserAndRootAlone) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  ASSERT_EQ(::seteuid(65534), 0);
  auto [ours, servers] = connected_sockets();
  const int back = ::seteuid(0);
  ASSERT_EQ(back, 0);
  EXPECT_THROW(on_server([&, end = &servers] { server_->adopt(std::move(*end), Access::writes); }),
               UserError);
  EXPECT_TRUE(Client(std::move(ours)).is_cut_off());
}

TEST(OpeningSessions, ThatIsNotDoneInTimeIsCutOff) {
  class Impatient : public Served {
   public:
    Impatient() : Served(config()) {}
    void TestBody() override {
      Client opened = connect();
      opened.opened();
      Client silent = connect();
      EXPECT_TRUE(silent.is_cut_off());
      EXPECT_EQ(opened.answer(51), "00000001") << "who has opened may be silent";
    }
    static ServerConfig config() {
      ServerConfig config;
      config.session.opening = std::chrono::milliseconds(200);
      return config;
    }
  };
  Impatient().TestBody();
}

TEST_F(Sessions, GuestsEndWithTheirConnectionWhereThatWasAsked) {
  {
    Client client = connect();
    client.opened();
    EXPECT_EQ(client.answer(10, "00000004 3c612f3e 00000002") + " ", web);
    EXPECT_EQ(client.answer(196, web + "00000003") + " ", web);
    EXPECT_EQ(host_.done(), (std::vector<std::string>{"create <a/> 0", "start 1"}));
  }
  wait_until("four are done", [&] { return host_.done().size() == 4; });
  EXPECT_EQ(host_.done().back(), "destroy 0");
}

TEST_F(Sessions, AGuestThatStartsWhileItsConnectionGoesEndsToo) {
  Gate gate;
  host_.on_start = [&] { gate.wait(); };
  Client client = connect();
  client.opened();
  client.call(10, "00000004 3c612f3e 00000002");
  gate.wait_for_callers(1);
  client.hang_up();
  wait_for_clients(0);
  gate.open();
  wait_until("two are done", [&] { return host_.done().size() == 2; });
  EXPECT_EQ(host_.done().back(), "destroy 0");
}

TEST_F(Sessions, AGuestOfTheSameNameIsNotEndedInstead) {
  host_.web.id = 8;
  Client client = connect();
  client.opened();
  client.answer(10, "00000004 3c612f3e 00000002");
  on_server([&] { host_.web.id = 9; });
  client.hang_up();
  wait_for_clients(0);
  stop();
  EXPECT_EQ(host_.done(), std::vector<std::string>{"create <a/> 0"});
}

// Events

LifecycleEvent event(int number) {
  return {{"web", web_uuid(), 7}, number, 0};
}

std::string event_text(const std::optional<Message>& message) {
  if (!message) return "none";
  return fmt::format("{} {}", message->header.procedure, hex(message->payload));
}

TEST_F(Sessions, EventsComeOnceAndInOrder) {
  host_.happens(event(9));
  Client first = connect();
  first.opened();
  EXPECT_EQ(first.answer(316, "00000000 00000000"), "00000000");
  for (int i = 0; i < 5; ++i) host_.happens(event(i));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(event_text(first.receive()), fmt::format("318 00000000 {}0000000{} 00000000", web, i));
  }
  EXPECT_EQ(first.answer(51), "00000001") << "nothing else";
  EXPECT_EQ(first.answer(317, "00000000"), "");
  host_.happens(event(5));
  on_server([&] { server_->tell_events(); });
  EXPECT_EQ(first.answer(51), "00000001") << "not any more";
}

TEST_F(Sessions, EventsOfOneGuestAndOfAll) {
  Client client = connect();
  client.opened();
  EXPECT_EQ(client.answer(316, "00000000 00000000"), "00000000");
  EXPECT_EQ(client.answer(316, "00000000 00000001 " + web), "00000001");
  LifecycleEvent other = event(1);
  other.domain = {"db", Uuid{}, -1};
  host_.happens(other);
  host_.happens(event(2));
  EXPECT_EQ(event_text(client.receive()),
            "318 00000000 00000002 64620000 00000000 00000000 00000000 00000000 ffffffff 00000001 00000000");
  EXPECT_EQ(event_text(client.receive()), fmt::format("318 00000000 {}00000002 00000000", web));
  EXPECT_EQ(event_text(client.receive()), fmt::format("318 00000001 {}00000002 00000000", web));
}

TEST_F(Sessions, EventsInTheOlderForm) {
  Client client = connect();
  client.opened(true);
  EXPECT_EQ(client.answer(167, "00000000"), "");
  EXPECT_THAT(client.answer(167, "00000000"), StartsWith("error 8:"));
  host_.happens(event(2));
  EXPECT_EQ(event_text(client.receive()), fmt::format("107 {}00000002 00000000", web));
  EXPECT_EQ(client.answer(168, "00000000"), "");
  EXPECT_THAT(client.answer(168, "00000000"), StartsWith("error 8:"));
}

TEST_F(Sessions, OtherEventsAreRefused) {
  Client client = connect();
  client.opened();
  for (const char* number : {"00000001", "0000001a", "000003e8", "ffffffff"}) {
    EXPECT_THAT(client.answer(316, number + std::string(" 00000000")), StartsWith("error 84:")) << number;
    EXPECT_THAT(client.answer(167, number), StartsWith("error 84:")) << number;
  }
  EXPECT_THAT(client.answer(317, "00000000"), StartsWith("error 8:"));
  for (std::size_t i = 0; i < Subscriptions::most; ++i) client.answer(316, "00000000 00000000");
  EXPECT_THAT(client.answer(316, "00000000 00000000"), StartsWith("error 9:"));
}

TEST_F(Sessions, AClientThatDoesNotReadItsEventsIsCutOffAndOthersGoOn) {
  Client reader = connect();
  Client deaf = connect();
  for (Client* client : {&reader, &deaf}) {
    client->opened();
    client->answer(316, "00000000 00000000");
  }
  for (int i = 0; on_server([&] { return server_->clients(); }) == 2; ++i) {
    host_.happens(event(i));
    EXPECT_EQ(event_text(reader.receive()), fmt::format("318 00000000 {}{:08x} 00000000", web, i));
    ASSERT_LT(i, 50'000) << "far more than its limit and the socket's room are kept for it";
  }
  EXPECT_EQ(reader.answer(51), "00000001");
  EXPECT_TRUE(deaf.is_cut_off());
}

// Answers that are not read: no more is read from such a client, so it costs no more.
TEST_F(Sessions, AClientThatDoesNotReadItsAnswersHarmsNobody) {
  host_.parameters.assign(1, {"x", std::string(1U << 20U, 'x')});
  Client deaf = connect();
  deaf.opened();
  for (int i = 0; i < 100; ++i) deaf.call(344, "00000000 00000000 00000000");
  wait_until("one is done", [&] { return !host_.done().empty(); });
  expect_others_served();
  for (int i = 0; i < 100; ++i) {
    const auto answer = deaf.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->header.status, Status::ok);
  }
  EXPECT_EQ(deaf.answer(51), "00000001");
}

}  // namespace
}  // namespace samepage::libvirt::test
