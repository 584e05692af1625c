// SPDX-License-Identifier: Apache-2.0
// libvirt's messages: a length, a header, a payload. Pure: they are put together from bytes as these come,
// and made to be sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>

#include "manage/libvirt/error.hpp"
#include "manage/libvirt/xdr.hpp"

namespace samepage::libvirt {

/// The programs that we know. Each has version 1.
inline constexpr std::uint32_t remote_program = 0x20008086;
inline constexpr std::uint32_t keepalive_program = 0x6b656570;
inline constexpr std::uint32_t program_version = 1;

/// Of the keepalive program; both are MessageType::message.
inline constexpr std::int32_t keepalive_ping = 1;
inline constexpr std::int32_t keepalive_pong = 2;

enum class MessageType : std::uint32_t { call, reply, message, stream, call_with_fds, reply_with_fds, hole };
enum class Status : std::uint32_t { ok, error, more };  // more: of a stream, there is data

struct Header {
  std::uint32_t program = remote_program;
  std::uint32_t version = program_version;
  std::int32_t procedure = 0;
  MessageType type = MessageType::call;  // any number may have come
  std::uint32_t serial = 0;              // the client's number of its call
  Status status = Status::ok;

  static constexpr std::size_t bytes = 24;
};

struct Message {
  Header header;
  Bytes payload;
};

/// Of a message with all that belongs to it: length, header, payload.
inline constexpr std::size_t message_head = 4 + Header::bytes;
/// The longest message that clients take.
inline constexpr std::size_t max_sent_message = (32U << 20U) + 4;
/// The longest that we take: a text as long as texts may be, and a list of as many domains as there may be.
inline constexpr std::uint32_t max_received_message = 8U << 20U;

/// Puts messages together. It keeps no more than a message's length of bytes that have come.
class MessageAssembler {
 public:
  void add(std::span<const std::byte> bytes);
  /// The oldest message that is complete.
  std::optional<Message> next();
  /// What came is no message or too long: there will be none any more.
  [[nodiscard]] bool is_broken() const { return broken_; }
  /// Until a client has shown who it is, its messages are short.
  void limit(std::uint32_t longest) { longest_ = longest; }

 private:
  [[nodiscard]] std::span<const std::byte> rest() const { return std::span(bytes_).subspan(taken_); }

  Bytes bytes_;
  std::size_t taken_ = 0;  // of them
  std::uint32_t longest_ = max_received_message;
  bool broken_ = false;
};

/// A writer for a payload that `packed` can put a header before without copying it.
XdrWriter payload_writer();
/// The bytes of a message; `payload` is from payload_writer().
Bytes packed(const Header& header, XdrWriter payload = payload_writer());

/// What answers a call: the same numbers, another type.
Header reply_to(const Header& call, Status status = Status::ok);
/// The whole message that tells a client why its call or its stream failed. Whatever is no Error is ours.
Bytes error_message(const Header& header, const Error& error);
Error error_from(std::exception_ptr problem);

}  // namespace samepage::libvirt
