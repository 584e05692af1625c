// SPDX-License-Identifier: Apache-2.0
#include "tests/dedup/faults/daemon_process.hpp"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <utility>

#include "base/check.hpp"
#include "base/fault_point.hpp"
#include "base/framing.hpp"
#include "base/json.hpp"
#include "dedup/daemon/server.hpp"
#include "dedup/listening_socket.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage::dedup {
namespace {

void serve(UniqueFd listening, const std::vector<std::string>& paging_files, const std::string& faults) {
  arm_fault_points(faults);
  ServerConfig config;
  // Guests of other domains are kept out.
  config.admission.policy = Policy{"/etc/policy", {{::geteuid(), PolicyRule{"tester", 1, {"default"}}}}};
  for (const std::string& spec : paging_files) config.paging_files.push_back(parse_paging_spec(spec));
  boost::asio::io_context io(1);
  Server server(io, std::move(config));
  server.listen(std::move(listening));
  io.run();
}

}  // namespace

DaemonProcess::DaemonProcess(std::string path, const std::vector<std::string>& paging_files,
                             const std::string& faults)
    : path_(std::move(path)) {
  // As samepaged does: the one before has left its socket behind, and its lock is free.
  process_ = Child::start([&] {
    ListeningSocket socket(path_, Admission::owner_only);
    serve(socket.take(), paging_files, faults);
  });
  wait_until("the daemon serves, or has died of a fault",
             [this] { return connect_local(path_) || process_.ended(); });
}

nlohmann::json DaemonProcess::ask(const nlohmann::json& question) const {
  const UniqueFd socket = connect_local(path_, {20, 0});
  if (!socket ||
      !send_message(socket.get(), static_cast<std::uint32_t>(wire::Type::query), question.dump())) {
    return nullptr;
  }
  std::string text;
  while (const auto message = receive_message(socket.get())) {
    if (message->type == static_cast<std::uint32_t>(wire::Type::refused))
      return {{"refused", message->text()}};
    text += message->text();
    if (message->type != static_cast<std::uint32_t>(wire::Type::reply_part)) {
      return nlohmann::json::parse(text, nullptr, false);
    }
  }
  return nullptr;
}

}  // namespace samepage::dedup
