// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/console_stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace samepage::libvirt {
namespace {

namespace asio = boost::asio;

// The longest piece of a stream that libvirt itself sends.
constexpr std::size_t longest_piece = 262120;
// A guest that does not read what is typed gets no more than this.
constexpr std::size_t most_typed = std::size_t{1} << 20U;

}  // namespace

ConsoleStream::ConsoleStream(Socket guest, const Header& call, Client client)
    : guest_(std::move(guest)), call_(call), client_(std::move(client)) {}

Header ConsoleStream::header(Status status) const {
  Header header = call_;
  header.type = MessageType::stream;
  header.status = status;
  return header;
}

void ConsoleStream::read_on() {
  if (reading_ || ended_ || closed_ || client_.is_behind()) return;
  reading_ = true;
  guest_.async_read_some(asio::buffer(buffer_),
                         [self = shared_from_this()](boost::system::error_code error, std::size_t bytes) {
                           self->reading_ = false;
                           if (self->closed_) return;
                           if (error) return self->end();
                           self->messages_.add(std::string_view(self->buffer_.data(), bytes));
                           self->take_messages();
                           self->read_on();
                         });
}

void ConsoleStream::take_messages() {
  while (const auto message = messages_.next()) {
    if (message->type == vmm::ControlMessage::data) print(message->payload);
    if (message->type == vmm::ControlMessage::answer) return end();  // it tells how the guest ended
  }
  if (messages_.is_nonsense()) fail("what the guest's process sends is not a console's");
}

void ConsoleStream::print(std::string_view text) {
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, longest_piece);
    XdrWriter payload = payload_writer();
    payload.raw(std::as_bytes(std::span(piece)));
    client_.send(packed(header(Status::more), std::move(payload)));
    text.remove_prefix(piece.size());
  }
}

void ConsoleStream::end() {
  if (ended_) return;
  ended_ = true;
  client_.send(packed(header(Status::more)));
}

void ConsoleStream::fail(const std::string& why) {
  close();
  client_.send(error_message(header(Status::error), operation_failed(why)));
  client_.failed();
}

void ConsoleStream::type(std::span<const std::byte> input) {
  if (ended_ || closed_) return;
  if (typed_.size() + input.size() > most_typed) {
    return fail("the guest does not read its console, and too much was typed");
  }
  for (const std::byte byte : input) typed_.push_back(static_cast<char>(byte));
  if (typing_.empty()) write();
}

void ConsoleStream::write() {
  typing_ = std::exchange(typed_, {});
  asio::async_write(guest_, asio::buffer(typing_),
                    [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                      self->typing_.clear();
                      // When the guest is gone, the reading side tells.
                      if (!error && !self->closed_ && !self->typed_.empty()) self->write();
                    });
}

void ConsoleStream::close() {
  closed_ = true;
  boost::system::error_code ignored;
  guest_.close(ignored);
}

}  // namespace samepage::libvirt
