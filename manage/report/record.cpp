// SPDX-License-Identifier: Apache-2.0
#include "manage/report/record.hpp"

#include <utility>

#include "base/json.hpp"
#include "dedup/json_text.hpp"

namespace samepage::report {
namespace {

using nlohmann::json;

constexpr int version = 1;

std::string line_of(const json& body) {
  return dedup::json_text(body) + "\n";
}

// Lists of what each virtual CPU, disk and network did would make most of a record.
json without_lists(const json& figures) {
  json kept = json::object();
  for (const auto& [key, value] : figures.items()) {
    if (!value.is_array()) kept[key] = value;
  }
  return kept;
}

}  // namespace

double seconds_of(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

std::string first_line(double started, std::chrono::milliseconds interval) {
  return line_of({{"record", "samepage"},
                  {"version", version},
                  {"program", SAMEPAGE_VERSION},
                  {"started", started},
                  {"interval_s", static_cast<double>(interval.count()) / 1000}});
}

std::string sample_line(const guests::Snapshot& snapshot) {
  json list = json::array();
  for (const json& guest : snapshot.guests) list.push_back(without_lists(guest));
  return line_of({{"t", seconds_of(snapshot.taken)}, {"host", snapshot.host}, {"guests", std::move(list)}});
}

std::string sharing_line(double time, const SharingMatrix& matrix) {
  return line_of({{"t", time}, {"sharing", to_json(matrix)}});
}

bool is_first_line(std::string_view line) {
  const json body = json::parse(line, nullptr, false);
  return body.is_object() && body.value("record", json()) == "samepage" &&
         body.value("version", json()) == version;
}

void RecordReader::read(std::string_view line) {
  if (line.find_first_not_of(" \r\n") == std::string_view::npos) return;
  const json body = json::parse(line, nullptr, false);
  const auto time = body.is_object() ? body.value("t", json()) : json();
  if (body.is_object() && body.contains("record")) {
    const json interval = body.value("interval_s", json());
    if (interval.is_number()) history_.expect_interval(interval.get<double>());
  } else if (time.is_number() && body.contains("host") && body.contains("guests")) {
    history_.add_sample(time.get<double>(), body["host"], body["guests"]);
  } else if (time.is_number() && body.contains("sharing")) {
    history_.add_sharing(time.get<double>(), sharing_from_json(body["sharing"]));
  } else {
    ++damaged_;
  }
}

}  // namespace samepage::report
