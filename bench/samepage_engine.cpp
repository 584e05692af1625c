// SPDX-License-Identifier: Apache-2.0
#include "bench/samepage_engine.hpp"

#include <utility>

#include "base/json.hpp"
#include "bench/interruption.hpp"
#include "bench/process_clock.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// At a stepwise pace: long enough for the guests to be written between two passes.
constexpr unsigned step_ms = 300;

Knobs knobs_of(Pace pace) {
  switch (pace) {
    case Pace::fastest:
      return {{"merging", "on"}, {"cpu", "100"}, {"interval", "20"}, {"max-interval", "200"}};
    case Pace::standard:
      return {{"merging", "on"}, {"cpu", "10"}, {"interval", "100"}, {"max-interval", "2000"}};
    case Pace::stepwise:
      return {{"merging", "on"},
              {"cpu", "100"},
              {"interval", std::to_string(step_ms)},
              {"max-interval", std::to_string(step_ms)}};
  }
  return {};
}

std::uint64_t passes_of(Holder& holder) {
  return holder.ask({{"do", "counters"}}).at("passes");
}

}  // namespace

SamepageEngine::SamepageEngine(Knobs knobs, const std::vector<std::string>& words)
    : given_(std::move(knobs)), daemon_(words) {}

void SamepageEngine::set_pace(Pace pace) {
  Knobs knobs = given_;
  knobs.merge(knobs_of(pace));  // what is there already stays
  ask_knobs(knobs);
}

void SamepageEngine::merge(Holders& holders) {
  for (Holder& holder : holders) {
    // The process has used processor time for loading until now. What its first thread uses is left out
    // except for this.
    const nanoseconds before = holder.cpu_time();
    const json reply = holder.ask({{"do", "merge"}, {"socket", daemon_.socket()}, {"guest", holder.name()}});
    members_.push_back({&holder, before - nanoseconds(reply.at("cpu_ns").get<std::int64_t>())});
  }
}

void SamepageEngine::make_pass() {
  std::vector<std::uint64_t> before;
  for (const Member& member : members_) before.push_back(passes_of(*member.holder));
  for (std::size_t i = 0; i < members_.size();) {
    if (passes_of(*members_[i].holder) > before[i]) {
      ++i;
    } else {
      pause_for(milliseconds(5));
    }
  }
}

void SamepageEngine::rest() {
  ask_knobs({{"merging", "off"}});
}

// These questions are counted as Samepage's work too. So the daemon is not asked what it costs itself.
std::uint64_t SamepageEngine::pages_shared() {
  const json host = daemon_.ask({{"do", "counts"}}).at("host");
  return host.at("pages_sharing").get<std::uint64_t>() + host.at("zero_pages").get<std::uint64_t>();
}

std::uint64_t SamepageEngine::full_scans() {
  return daemon_.ask({{"do", "counts"}}).at("host").at("full_scans");
}

nanoseconds SamepageEngine::cpu_time() {
  nanoseconds sum = cpu_time_of(daemon_.pid());
  for (const Member& member : members_) sum += member.holder->cpu_time() - member.cpu_before;
  return sum;
}

EngineCosts SamepageEngine::costs() {
  const json host = host_figures();
  return {host.at("metadata_bytes").get<std::uint64_t>() + host.at("agents_bytes").get<std::uint64_t>() +
          host.at("staging_bytes").get<std::uint64_t>()};
}

json SamepageEngine::host_figures() const {
  return daemon_.ask({{"do", "stat"}}).at("host");
}

json SamepageEngine::paging_files() const {
  return daemon_.ask({{"do", "paging"}}).at("files");
}

void SamepageEngine::ask_knobs(const Knobs& knobs) const {
  json request{{"do", "tune"}};
  for (const auto& [name, value] : knobs) request[name] = value;
  static_cast<void>(daemon_.ask(request));
}

std::unique_ptr<Engine> make_samepage_engine(const Knobs& knobs) {
  return std::make_unique<SamepageEngine>(knobs);
}

}  // namespace samepage::bench
