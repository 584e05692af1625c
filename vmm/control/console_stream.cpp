// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/console_stream.hpp"

#include <cstring>

#include "base/framing.hpp"

namespace samepage::vmm {
namespace {

std::optional<FrameHeader> header_of(std::string_view bytes) {
  FrameHeader header;
  if (bytes.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof(header));
  return header;
}

}  // namespace

std::string packed(ControlMessage type, std::string_view payload) {
  const FrameHeader header{static_cast<std::uint32_t>(payload.size()), static_cast<std::uint32_t>(type)};
  std::string bytes(sizeof(header), '\0');
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes.append(payload);
}

bool MessageAssembler::is_nonsense() const {
  const std::optional<FrameHeader> header = header_of(bytes_);
  return header && header->length > max_payload;
}

std::optional<MessageAssembler::Message> MessageAssembler::next() {
  const std::optional<FrameHeader> header = header_of(bytes_);
  if (!header || header->length > max_payload || bytes_.size() - sizeof(*header) < header->length) {
    return std::nullopt;
  }
  Message message{static_cast<ControlMessage>(header->type), bytes_.substr(sizeof(*header), header->length)};
  bytes_.erase(0, sizeof(*header) + header->length);
  return message;
}

}  // namespace samepage::vmm
