// SPDX-License-Identifier: Apache-2.0
// Clients of a guest's control socket that say anything, in any pieces, and a guest that answers anything.
// The guest is a real one that does not run, where /dev/kvm can be opened. Its process never waits for a
// client, and who asks something that is well-formed is answered in JSON.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/listening_socket.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/vmm/boot/pvh_elf.hpp"
#include "vmm/control/console_stream.hpp"
#include "vmm/process/guest_control.hpp"

namespace samepage::vmm::test {
namespace {

using samepage::test::Input;

constexpr std::array<std::string_view, 24> requests{
    R"({"do":"ps"})",
    R"({"do":"stat"})",
    R"({"do":"map"})",
    R"({"do":"pause"})",
    R"({"do":"resume"})",
    R"({"do":"stop"})",
    R"({"do":"logs"})",
    R"({"do":"dump"})",
    R"({"do":"balloon","bytes":4096})",
    R"({"do":"config"})",
    R"({"do":"snapshot"})",
    R"({"do":"snapshot","base":["/a","/b"],"own_disks":true})",
    R"({"do":"fork","own_disks":1})",
    R"({"do":"rollback"})",
    R"({"do":"suspend"})",
    R"({"do":"page-out","bytes":1,"order":"cold"})",
    R"({"do":"page-out","pages":-1})",
    R"({"do":"page-out-progress"})",
    R"({"do":"console","port":"com1"})",
    R"({"do":"console","port":["hvc0"]})",
    R"({"do":"watch"})",
    R"({"do":7})",
    R"([{"do":"ps"}])",
    R"({"do":"balloon","bytes":-0.5})"};

// One that is there for many inputs, until it ends.
struct Guest {
  static MachineConfig config() {
    static const TemporaryDirectory folder;
    MachineConfig config;
    config.memory_bytes = 4U << 20U;
    config.image = folder.path() + "/image";
    const std::vector<std::byte> image = PvhElf({ElfSegment{0x10'0000, {0xf4}, 0x1000}}).bytes();
    const UniqueFd file =
        checked_fd(::open(config.image.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600), "open");
    check(::write(file.get(), image.data(), image.size()), "write");
    return config;
  }
  MachineConfig config_ = config();
  ConsoleLog console{-1};
  Chassis chassis{config_};
  Machine machine{config_, GuestImage(config_), chassis};
};

Guest& guest() {
  static std::optional<Guest> one;
  pollfd ended{one ? one->machine.ended_fd() : -1, POLLIN, 0};
  if (!one || ::poll(&ended, 1, 0) > 0) one.emplace();
  return *one;
}

class Sockets {
 public:
  explicit Sockets(Guest& guest)
      : control_({"guest", "default", "image", 1, {}, "config"}, guest.machine, nullptr, guest.console) {}

  void step(Input& input) {
    UniqueFd& client = input.one_of(clients_);
    if (!client) return connect(client);
    switch (input.below(8)) {
      case 0:
        client.reset();
        break;
      case 1:
        return static_cast<void>(::shutdown(client.get(), static_cast<int>(input.below(3))));
      case 2: {
        const auto bytes = input.take_bytes(input.below(64));
        return send(client, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});  // SAFETY: bytes
      }
      case 3:
      case 4:
      case 5:
        return ask(client, input);
      case 6:
        return hear(client);
      default:
        break;
    }
    serve();
  }
  void serve() {
    std::vector<pollfd> waits;
    control_.add_waits(waits);
    check(::poll(waits.data(), waits.size(), 0), "poll");
    control_.serve(waits);
  }
  // Nobody else has asked anything: one that is well-formed is answered.
  void answers_at_last() {
    UniqueFd client;
    for (UniqueFd& other : clients_) other.reset();
    for (int i = 0; i < 2; ++i) serve();
    connect(client);
    invariant(send_request(client.get(), {{"do", "ps"}}), "it takes no request");
    AnswerReceiver answer;
    for (int i = 0; i < 4; ++i) {
      serve();
      const auto state = answer.receive(client.get());
      invariant(state != AnswerReceiver::State::gone, "a client is not answered");
      if (state == AnswerReceiver::State::whole)
        return invariant(answer.take().body.at("ok") == true, "it does not tell");
    }
    invariant(false, "a client is not answered");
  }

 private:
  void connect(UniqueFd& client) {
    const int listening = listener().get();
    client = connect_local(path(), {});
    invariant(static_cast<bool>(client), "nobody listens");
    check(::fcntl(client.get(), F_SETFL, O_NONBLOCK), "fcntl");
    control_.accept(listening);
  }
  static std::string path() {
    static const TemporaryDirectory folder;
    return folder.path() + "/control";
  }
  static const UniqueFd& listener() {
    static dedup::ListeningSocket socket(path(), dedup::Admission::owner_only);
    static const UniqueFd listener = socket.take();
    return listener;
  }
  void send(UniqueFd& client, std::string_view bytes) {
    static_cast<void>(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    serve();
  }
  void ask(UniqueFd& client, Input& input) {
    std::string request(input.one_of(requests));
    for (unsigned changes = input.chance(2) ? 0 : input.below(4); changes > 0; --changes) {
      request[input.below(static_cast<std::uint32_t>(request.size()))] =
          static_cast<char>(input.take<std::uint8_t>());
    }
    std::vector<int> descriptors;
    const UniqueFd file = checked_fd(::memfd_create("fuzz", MFD_CLOEXEC), "memfd_create");
    const auto [ours, theirs] = connected_sockets();
    for (unsigned number = input.below(4); number > 0; --number) {
      descriptors.push_back(input.chance(2) ? file.get() : theirs.get());
    }
    const auto type = input.chance(8) ? input.below(5) : static_cast<std::uint32_t>(ControlMessage::request);
    static_cast<void>(try_send_message(client.get(), type, std::as_bytes(std::span(request)), descriptors));
    serve();
    hear(client);
  }
  static void hear(UniqueFd& client) {
    std::array<char, 4096> bytes;
    while (client && ::recv(client.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
    }
  }

  GuestControl control_;
  std::array<UniqueFd, 3> clients_;
};

// What a guest's process that was taken over answers: the same, however it comes, and whoever reads it.
void check_answers(std::span<const std::uint8_t> bytes) {
  const auto [guest, client] = connected_sockets();
  if (::send(guest.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) < 0 && !bytes.empty()) return;
  check(::fcntl(client.get(), F_SETFL, O_NONBLOCK), "fcntl");
  AnswerReceiver receiver;
  const bool whole = receiver.receive(client.get()) == AnswerReceiver::State::whole;
  MessageAssembler assembler;
  std::size_t answers = 0;
  for (const std::uint8_t byte : bytes) {
    assembler.add(std::string_view(reinterpret_cast<const char*>(&byte), 1));  // SAFETY: a byte is a char
    while (const auto message = assembler.next())
      if (message->type != ControlMessage::data) ++answers;
  }
  if (whole) {
    invariant(receiver.take().body.is_object(), "an answer that is none");
    invariant(answers > 0 || assembler.is_nonsense(), "an answer comes in one way and not in the other");
  }
}

void run_answers(Input& input) {
  std::string bytes;
  while (!input.empty()) {
    const auto text = input.take_bytes(input.below(64));
    const std::string_view content(reinterpret_cast<const char*>(text.data()), text.size());  // SAFETY: bytes
    switch (input.below(4)) {
      case 0:
        bytes += content;
        break;
      case 1:
        bytes += packed(ControlMessage::data, content);
        break;
      case 2:
        bytes += packed(ControlMessage::answer, content);
        break;
      default:
        bytes += packed(ControlAnswer{{{"ok", true}}, std::string(content)});
    }
  }
  // SAFETY: bytes.
  check_answers({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

bool has_kvm() {
  static const bool there = static_cast<bool>(UniqueFd(::open("/dev/kvm", O_RDWR | O_CLOEXEC)));
  return there;
}

}  // namespace
}  // namespace samepage::vmm::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samepage::vmm::test;  // NOLINT(google-build-using-namespace): libFuzzer's own name is
                                        // global
  samepage::test::Input input(data, std::min<std::size_t>(size, 1024));
  if (input.chance(4) || !has_kvm()) {
    run_answers(input);
    return 0;
  }
  Sockets sockets(guest());
  while (!input.empty()) sockets.step(input);
  sockets.answers_at_last();
  return 0;
}
