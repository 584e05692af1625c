// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/knob_settings.hpp"

#include "base/check.hpp"
#include "base/json.hpp"
#include "dedup/knobs.hpp"

namespace samepage::dedup {

using nlohmann::json;

bool sets_knobs(const json& request) {
  return request.size() > 1;
}

void set_knobs(KnobSettings& settings, const json& request) {
  const bool reset = request.value("reset", json()) == json(true);
  Settings knobs = reset ? settings.defaults : settings.current;
  for (const auto& [name, value] : request.items()) {
    if (name == "do" || name == "reset") continue;
    if (!value.is_string()) throw UserError("knobs are set with text, such as {\"interval\": \"50ms\"}");
    set_knob(knobs, name, value.get_ref<const std::string&>());
  }
  settings.current = knobs;
  settings.kept_in = settings.keep ? settings.keep(knobs) : std::string();
}

json to_json(const KnobSettings& settings) {
  json answer{{"knobs", json::object()}, {"defaults", json::object()}, {"kept_in", settings.kept_in}};
  for (const KnobDescription& knob : knob_descriptions()) {
    answer["knobs"][std::string(knob.name)] = knob_text(settings.current, knob);
    answer["defaults"][std::string(knob.name)] = knob_text(settings.defaults, knob);
  }
  return answer;
}

}  // namespace samepage::dedup
