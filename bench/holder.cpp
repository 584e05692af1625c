// SPDX-License-Identifier: Apache-2.0
#include "bench/holder.hpp"

#include <fmt/format.h>

#include <array>
#include <tuple>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/process_memory.hpp"
#include "bench/held_guest.hpp"
#include "bench/process_clock.hpp"
#include "dedup/json_text.hpp"

namespace samepage::bench {

using nlohmann::json;

Holder::Holder(const Image& image, std::string name) : name_(std::move(name)), pages_(image.pages()) {
  UniqueFd theirs;
  std::tie(socket_, theirs) = connected_sockets();
  child_ = Child::run([&] {
    socket_.reset();
    serve_bench(theirs.get(), image);
  });
}

json Holder::ask(const json& request) {
  if (!request.is_null() && !send_message(socket_.get(), 0, dedup::json_text(request))) {
    throw UserError(fmt::format("the process that holds {} has ended", name_));
  }
  const auto reply = receive_message(socket_.get());
  if (!reply) throw UserError(fmt::format("the process that holds {} has ended", name_));
  return json::parse(reply->text());
}

void Holder::wait_until_loaded() {
  ask(json());  // the first reply comes by itself
}

std::chrono::nanoseconds Holder::cpu_time() const {
  return cpu_time_of_other_threads(pid());
}

std::uint64_t Holder::page_tables() const {
  const auto memory = memory_of(pid());
  return memory ? memory->page_tables : 0;
}

Holders hold(const std::vector<Image>& images) {
  std::uint64_t wanted = 0;
  for (const Image& image : images) wanted += image.pages().bytes();
  const std::uint64_t available = host_memory("MemAvailable");
  if (available != 0 && wanted > available / 10 * 9) {
    throw UserError(fmt::format(
        "{} guests take {} MiB, and {} MiB are free on this host; give fewer or smaller ones (--guests, "
        "--pages)",
        images.size(), wanted >> 20U, available >> 20U));
  }
  Holders holders;
  holders.reserve(images.size());
  for (const Image& image : images) holders.emplace_back(image, fmt::format("g{}", holders.size()));
  for (Holder& holder : holders) holder.wait_until_loaded();
  return holders;
}

}  // namespace samepage::bench
