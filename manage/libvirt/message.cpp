// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/message.hpp"

#include <algorithm>
#include <new>
#include <optional>
#include <string>
#include <system_error>

#include "base/check.hpp"
#include "base/error_text.hpp"

namespace samepage::libvirt {
namespace {

// Room that was needed for a long message is not kept.
constexpr std::size_t kept_room = std::size_t{64} << 10U;

Header read_header(XdrReader& reader) {
  Header header;
  header.program = reader.u32();
  header.version = reader.u32();
  header.procedure = reader.i32();
  header.type = MessageType{reader.u32()};
  header.serial = reader.u32();
  header.status = Status{reader.u32()};
  return header;
}

}  // namespace

void MessageAssembler::add(std::span<const std::byte> bytes) {
  if (broken_) return;
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ = 0;
  if (bytes_.empty() && bytes_.capacity() > kept_room) bytes_ = Bytes();
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

std::optional<Message> MessageAssembler::next() {
  const std::span<const std::byte> there = rest();
  if (broken_ || there.size() < 4) return std::nullopt;
  const std::uint32_t length = XdrReader(there).u32();
  if (length < message_head || length > longest_) {
    broken_ = true;
    bytes_ = Bytes();
    taken_ = 0;
    return std::nullopt;
  }
  if (there.size() < length) return std::nullopt;
  XdrReader reader(there.subspan(4));
  Message message{read_header(reader), {}};
  const std::span<const std::byte> payload = there.first(length).subspan(message_head);
  message.payload.assign(payload.begin(), payload.end());
  taken_ += length;
  return message;
}

XdrWriter payload_writer() {
  return XdrWriter(message_head);
}

Bytes packed(const Header& header, XdrWriter payload) {
  Bytes message = payload.take();
  XdrWriter head;
  head.u32(static_cast<std::uint32_t>(message.size())).u32(header.program).u32(header.version);
  head.i32(header.procedure).u32(static_cast<std::uint32_t>(header.type)).u32(header.serial);
  head.u32(static_cast<std::uint32_t>(header.status));
  const Bytes bytes = head.take();
  std::copy(bytes.begin(), bytes.end(), message.begin());
  return message;
}

Header reply_to(const Header& call, Status status) {
  Header reply = call;
  reply.type = MessageType::reply;
  reply.status = status;
  return reply;
}

Bytes error_message(const Header& header, const Error& error) {
  const std::string text = std::string(error.what()).substr(0, max_text);
  XdrWriter payload = payload_writer();
  payload.i32(error.code()).i32(error.domain()).optional_text(text).i32(VIR_ERR_ERROR);
  payload.boolean(false);                                                       // no domain
  payload.optional_text("%s").optional_text(text).optional_text(std::nullopt);  // what the text is made of
  payload.i32(-1).i32(-1);
  payload.boolean(false);  // no network
  Header told = header;
  told.status = Status::error;
  return packed(told, std::move(payload));
}

Error error_from(std::exception_ptr problem) {
  try {
    std::rethrow_exception(std::move(problem));
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {VIR_ERR_NO_MEMORY, "out of memory"};
  } catch (const std::system_error& error) {
    return {VIR_ERR_SYSTEM_ERROR, error_text(error)};
  } catch (const UserError& error) {
    return operation_failed(error.what());
  } catch (const std::exception& error) {
    return internal(error.what());
  }
}

}  // namespace samepage::libvirt
