// SPDX-License-Identifier: Apache-2.0
// Requests and what they make the guest do. What it tells of itself is in guest_answers_figures.cpp.
#include "vmm/process/guest_answers.hpp"

#include <fmt/format.h>

#include <exception>
#include <limits>
#include <system_error>
#include <utility>

#include "base/process_memory.hpp"
#include "base/units.hpp"
#include "vmm/process/memory_dump.hpp"
#include "vmm/process/page_map_text.hpp"
#include "vmm/process/still_guest.hpp"

namespace samepage::vmm {
namespace {

using nlohmann::json;

constexpr std::uint64_t everything = std::numeric_limits<std::uint64_t>::max();  // pages

json answer_of(const GuestFigures& figures, Told told) {
  json body = to_json(figures, told);
  body["ok"] = true;
  return body;
}

// Holds the guest while it lives, unless its user holds it anyway.
class MomentaryPause {
 public:
  explicit MomentaryPause(GuestGate& gate) : gate_(gate), ours_(!gate.paused()) {
    if (ours_) gate_.pause();
  }
  ~MomentaryPause() {
    if (ours_) gate_.unpause();
  }
  MomentaryPause(const MomentaryPause&) = delete;
  MomentaryPause& operator=(const MomentaryPause&) = delete;

 private:
  GuestGate& gate_;
  bool ours_;
};

// What a snapshot is to be based on: the paths are in the request, the files come behind the one to write.
BaseFiles base_of(const Message& request) {
  BaseFiles base;
  const json body = json::parse(request.text(), nullptr, false);
  const json paths = body.value("base", json::array());
  if (!paths.is_array() || paths.size() + 1 != request.fds.size()) throw UserError("a base needs its files");
  for (const json& path : paths) {
    if (!path.is_string()) throw UserError("a base needs the paths of its files");
    base.paths.push_back(path.get<std::string>());
    base.files.push_back(request.fds[base.files.size() + 1].get());
  }
  return base;
}

}  // namespace

nlohmann::json refusal(std::string text) {
  return {{"ok", false}, {"error", std::move(text)}};
}

std::string verb_of(const Message& request) {
  const json body = json::parse(request.text(), nullptr, false);
  if (!body.is_object() || !body.contains("do") || !body["do"].is_string()) return {};
  return body["do"].get<std::string>();
}

GuestAnswers::GuestAnswers(GuestFacts facts, Machine& machine, dedup::Agent* agent, ConsoleLog& console,
                           const RestoredGuest* restored)
    : facts_(std::move(facts)),
      machine_(machine),
      agent_(agent),
      console_(console),
      snapshots_(machine, agent, facts_.config, restored) {}

// What a request makes fail (no descriptor, no memory) fails for its client, not for the guest.
ControlAnswer GuestAnswers::answer(const Message& request) {
  try {
    return answer_or_throw(request);
  } catch (const std::exception& error) {
    return {refusal(error.what()), {}};
  }
}

ControlAnswer GuestAnswers::answer_or_throw(const Message& request) {
  const std::string verb = verb_of(request);
  const json done{{"ok", true}};
  if (verb == "ps") return {answer_of(brief(), Told::brief), {}};
  if (verb == "stat") return {answer_of(figures(), Told::full), {}};
  if (verb == "map") return {done, map_text()};
  if (verb == "logs") return {done, console_.tail()};
  if (verb == "config") return {done, facts_.config};
  if (verb == "dump") return {dump(request), {}};
  if (verb == "rollback") return {snapshots_.roll_back(), {}};
  if (verb == "snapshot" || verb == "fork") {
    if (request.fds.empty()) return {refusal(verb + " needs a descriptor"), {}};
    const int fd = request.fds.front().get();
    const json body = json::parse(request.text(), nullptr, false);
    const auto own_disks = body.value("own_disks", false) ? OwnDisks::named_anew : OwnDisks::refused;
    if (verb == "fork") return {snapshots_.fork(fd, own_disks), {}};
    return {snapshots_.write(fd, own_disks, base_of(request)), {}};
  }
  if (verb == "pause") return pause();
  if (verb == "suspend") return {suspend(), {}};
  if (verb == "page-out") return {page_out(request), {}};
  if (verb == "page-out-progress") return {page_out_progress(), {}};
  if (verb == "resume") return resume();
  if (verb == "balloon") return {resize_balloon(request), {}};
  if (verb == "stop") {
    machine_.request_stop();
    console_.close_output();
    return {done, {}};
  }
  return {refusal("this guest does not know the request '" + verb + "'"), {}};
}

json GuestAnswers::watched() const {
  return {{"ok", true},
          {"state", machine_.gate().paused() ? "paused" : "running"},
          {"balloon_bytes", balloon_bytes_}};
}

ControlAnswer GuestAnswers::greeting() const {
  return {watched(), facts_.config};
}

ControlAnswer GuestAnswers::pause() {
  machine_.gate().pause();
  if (agent_ != nullptr) agent_->look_now();  // it will not change for a while
  return {json{{"ok", true}}, {}};
}

ControlAnswer GuestAnswers::resume() {
  if (!machine_.gate().paused() && machine_.gate().stands_still()) {
    return {
        refusal("it is not paused: hardly any memory is left for what it writes, and it goes on by itself "
                "when there is more; end guests, raise the limit of its memory cgroup, or let the kernel "
                "choose with 'samepage tune break-guard=off'"),
        {}};
  }
  if (agent_ != nullptr && std::exchange(suspended_, false)) agent_->bring_back();
  machine_.gate().unpause();
  return {json{{"ok", true}}, {}};
}

// A guest that was not paused goes on when nothing can go out.
json GuestAnswers::suspend() {
  const bool was_paused = machine_.gate().paused();
  machine_.gate().pause();
  const json answer = begin_page_out(everything, dedup::PageOutOrder::suspended);
  suspended_ = answer.at("ok").get<bool>();
  if (!suspended_ && !was_paused) machine_.gate().unpause();
  return answer;
}

json GuestAnswers::page_out(const Message& request) {
  const json body = json::parse(request.text(), nullptr, false);
  if (!body.contains("bytes")) return begin_page_out(everything, dedup::PageOutOrder::all);
  if (!body["bytes"].is_number_unsigned()) return refusal("page-out needs a size");
  return begin_page_out(pages_for(body["bytes"].get<std::uint64_t>()).value,
                        dedup::PageOutOrder::coldest_first);
}

// A disk takes its time: whoever asked for it asks how far it is.
json GuestAnswers::begin_page_out(std::uint64_t pages, dedup::PageOutOrder order) {
  if (agent_ == nullptr || !agent_->begin_page_out(pages, order)) {
    return refusal(
        "its pages have nowhere to go: it shares nothing, or the daemon has no paging file; add one with "
        "'samepage paging --add PATH'");
  }
  return page_out_progress();
}

json GuestAnswers::page_out_progress() const {
  const auto progress = agent_ == nullptr ? dedup::PageOutProgress{} : agent_->page_out_progress();
  json answer{{"ok", true}, {"under_way", progress.under_way}, {"bytes", PageCount{progress.pages}.bytes()}};
  // What the host's kernel has swapped out is out already, and stays there.
  if (!progress.under_way) answer["swapped_bytes"] = own_memory().swap_pss;
  return answer;
}

std::string GuestAnswers::map_text() const {
  return page_map_text(page_map(), machine_.rom_ranges());
}

json GuestAnswers::resize_balloon(const Message& request) {
  const json body = json::parse(request.text(), nullptr, false);
  if (!body.contains("bytes") || !body["bytes"].is_number_unsigned()) return refusal("balloon needs a size");
  const auto bytes = body["bytes"].get<std::uint64_t>();
  const std::uint64_t ram = ram_bytes();
  if (bytes >= ram) {
    return refusal(
        fmt::format("it has {} of memory and can't give up {}", format_size(ram), format_size(bytes)));
  }
  if (!machine_.set_balloon(bytes))
    return refusal("it has no balloon; start it with 'samepage run --balloon'");
  balloon_bytes_ = bytes;
  return {{"ok", true}};
}

json GuestAnswers::dump(const Message& request) {
  if (request.fds.empty()) return refusal("dump needs a file");
  const MomentaryPause pause(machine_.gate());
  try {
    const std::uint64_t written = dump_memory(request.fds.front().get(), machine_.ram(), page_map());
    return {{"ok", true}, {"written_bytes", written}};
  } catch (const std::system_error& error) {
    return refusal(error.what());
  }
}

std::vector<dedup::PageMapRun> GuestAnswers::page_map() const {
  return page_map_of(machine_, agent_);
}

}  // namespace samepage::vmm
