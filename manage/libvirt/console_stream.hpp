// SPDX-License-Identifier: Apache-2.0
// A guest's console as a stream of a client's connection: carries what the client types to the guest's
// process and what the guest prints to the client. What the client does not read is not read from the guest
// either. The server's thread.
#pragma once

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "manage/libvirt/message.hpp"
#include "vmm/control/console_stream.hpp"

namespace samepage::libvirt {

class ConsoleStream final : public std::enable_shared_from_this<ConsoleStream> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;

  /// What it needs of its connection.
  struct Client {
    std::function<void(Bytes)> send;
    /// Whether more than a little waits for the client already; read_on() is called when not any more.
    std::function<bool()> is_behind;
    /// It has failed and told the client so: the stream is no more.
    std::function<void()> failed;
  };

  /// `guest` is in the mode of "console" (vmm/control/control_message.hpp). `call` opened the stream.
  ConsoleStream(Socket guest, const Header& call, Client client);

  void start() { read_on(); }
  /// The client has room again.
  void read_on();
  void type(std::span<const std::byte> input);
  /// Its client has ended it. Nothing is sent any more.
  void close();

 private:
  void take_messages();
  void print(std::string_view text);
  /// The guest has ended: the client is told by a packet without data, and then ends the stream.
  void end();
  void fail(const std::string& why);
  void write();
  [[nodiscard]] Header header(Status status) const;

  Socket guest_;
  Header call_;
  Client client_;
  std::array<char, 16384> buffer_{};
  vmm::MessageAssembler messages_;
  std::string typing_;  // is being sent
  std::string typed_;   // comes after that
  bool reading_ = false;
  bool ended_ = false;  // nothing comes from the guest any more
  bool closed_ = false;
};

}  // namespace samepage::libvirt
