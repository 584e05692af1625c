// SPDX-License-Identifier: Apache-2.0
// The procedures of libvirt's protocol that answer by themselves, as a table: what each is called, who may
// call it, where it runs, and what it does between arguments and reply. What belongs to one connection
// (opening, events) is Session's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"
#include "manage/libvirt/host.hpp"
#include "manage/libvirt/xdr.hpp"

namespace samepage::libvirt {

/// What a connection, or a procedure's caller, may do.
enum class Access : std::uint8_t { reads, writes };

/// What a call waits for: nothing to speak of, or a guest or the daemon.
enum class Pace : std::uint8_t { quick, slow };

/// One call while it is carried out, on any thread.
struct Call {
  Host& host;
  Access access;    // the connection's
  std::string uri;  // that it was opened with

  // What the connection gets by the call, apart from the reply.
  std::optional<DomainRef> ends_with_connection = {};
  UniqueFd console = {};  // in the mode of "console" (vmm/control/control_message.hpp)
};

struct Procedure {
  std::int32_t number;
  std::string_view function;  // libvirt's name for it, in errors
  Access access;
  Pace pace;
  /// Throws: an Error is the client's answer. `out` is a payload_writer().
  void (*answer)(Call& call, XdrReader& in, XdrWriter& out);
};

/// None: there is no such procedure, or it is Session's.
[[nodiscard]] const Procedure* find_procedure(std::int32_t number);

/// libvirt's name for one that clients may well call and that we don't have; empty: not even that.
[[nodiscard]] std::string_view missing_procedure(std::int32_t number);

/// By number; for what is told of all of them.
[[nodiscard]] std::span<const Procedure> all_procedures();

// The parts of the table.
[[nodiscard]] std::span<const Procedure> connection_procedures();
[[nodiscard]] std::span<const Procedure> node_procedures();
[[nodiscard]] std::span<const Procedure> domain_procedures();
[[nodiscard]] std::span<const Procedure> figure_procedures();

}  // namespace samepage::libvirt
