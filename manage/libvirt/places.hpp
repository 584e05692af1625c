// SPDX-License-Identifier: Apache-2.0
// Where the server listens: on a socket of its own, or where clients look for libvirt's own daemon.
#pragma once

#include <string>
#include <vector>

#include "manage/libvirt/procedures.hpp"

namespace samepage::libvirt {

struct Place {
  std::string path;
  Access most;  // what clients that come here may do
};

/// libvirt-sock in the runtime directory.
[[nodiscard]] std::string own_socket_path();
/// Those of libvirt's daemon for a URI that clients have built in: qemu:///system or qemu:///session. Throws
/// UserError for others. Makes the directory of the sockets where it is missing.
[[nodiscard]] std::vector<Place> places_of(const std::string& uri);

}  // namespace samepage::libvirt
