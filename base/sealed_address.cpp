// SPDX-License-Identifier: Apache-2.0
#include "base/sealed_address.hpp"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <new>
#include <string_view>

namespace samepage {
namespace {

constexpr long mseal = 462;  // Debian 12's headers do not have it
constexpr std::size_t page_bytes = 4096;

const sockaddr_un* sealed = nullptr;  // written while there is one thread

}  // namespace

bool seal_address(const std::string& path) {
  if (sealed != nullptr || path.size() >= sizeof(sockaddr_un::sun_path)) return false;
  void* const page = ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return false;
  auto* const address = new (page) sockaddr_un{};
  address->sun_family = AF_UNIX;
  path.copy(address->sun_path, path.size());
  if (::mprotect(page, page_bytes, PROT_READ) != 0 || ::syscall(mseal, page, page_bytes, 0) != 0) {
    ::munmap(page, page_bytes);
    return false;
  }
  sealed = address;
  return true;
}

const sockaddr_un* sealed_address() {
  return sealed;
}

const sockaddr_un* sealed_address_of(const std::string& path) {
  return sealed != nullptr && path == std::string_view(sealed->sun_path) ? sealed : nullptr;
}

}  // namespace samepage
