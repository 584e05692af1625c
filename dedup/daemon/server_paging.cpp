// SPDX-License-Identifier: Apache-2.0
// Paging files that come and go while guests run.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "base/check.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "dedup/daemon/server.hpp"
#include "dedup/fault_points.hpp"
#include "dedup/json_text.hpp"

namespace samepage::dedup {

using nlohmann::json;

std::size_t Server::pages_on_their_way() const {
  std::size_t pages = 0;
  for (const auto& [label, domain] : domains_.all()) pages += domain->slots().on_their_way();
  return pages;
}

std::string Server::answer_paging(const json& request, bool trusted) {
  const auto text_of = [&](const char* key) -> std::optional<std::string> {
    const auto found = request.find(key);
    if (found == request.end() || !found->is_string()) return std::nullopt;
    return found->get<std::string>();
  };
  const auto added = text_of("add"), removed = text_of("remove");
  if (!trusted)
    throw UserError(
        "paging files are shown to the daemon's own user and to root, and theirs to add and remove");
  if (added) add_paging_file(*added);
  if (removed) remove_paging_file(*removed);
  return json_text({{"files", paging_.to_json()}});
}

// Guests that are there get a descriptor of the new file; those that come, with the WELCOME.
void Server::add_paging_file(const std::string& text) {
  const PagingSpec spec = parse_paging_spec(text);
  const unsigned file = paging_.add(spec);
  fault_point("file-added");
  paging_.forget_unusable(spec.path);
  std::erase_if(config_.kept_paging_files, [&](const PagingSpec& kept) { return kept.path == spec.path; });
  config_.kept_paging_files.push_back(spec);
  keep_paging_files();
  log(LogLevel::info, "pages go out to {} too", paging_.at(file)->room.spec().path);
  for (const auto& [key, session] : sessions_) session->tell_of_paging_files();
}

void Server::remove_paging_file(const std::string& path) {
  const bool waited = paging_.forget_unusable(path);
  if (!waited) {
    const unsigned file = paging_.begin_removal(path);
    fault_point("file-leaving");
    for (const auto& [key, session] : sessions_) session->leave_paging_file(file);
    fault_point("file-told-to-leave");
  }
  if (std::erase_if(config_.kept_paging_files, [&](const PagingSpec& kept) { return kept.path == path; }) > 0)
    keep_paging_files();
  close_left_paging_files();
}

void Server::keep_paging_files() const {
  if (!config_.keep_paging_files || config_.keep_paging_files(config_.kept_paging_files)) return;
  log(LogLevel::warning, "which paging files there are is not kept for the next daemon");
}

void Server::close_left_paging_files() {
  for (const unsigned file : paging_.numbers()) {
    if (!paging_.at(file)->leaving) continue;
    const auto& domains = domains_.all();
    const bool used = std::any_of(domains.begin(), domains.end(),
                                  [&](const auto& entry) { return entry.second->slots().used(file) > 0; });
    if (used || paging_.at(file)->writer.waiting_bytes() > 0) continue;
    fault_point("file-closing");
    for (const auto& [label, domain] : domains) domain->slots().close(file);
    for (const auto& [key, session] : sessions_) session->forget_paging_file(file);
    log(LogLevel::info, "{} is not a paging file any more", paging_.at(file)->room.spec().path);
    paging_.close(file);
  }
}

void Server::settle_paging_rate() {
  paging_.set_rate(std::uint64_t{config_.knobs.current.paging_rate_mib} << 20U);
}

}  // namespace samepage::dedup
