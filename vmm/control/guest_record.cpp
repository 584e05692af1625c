// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/guest_record.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/check.hpp"
#include "base/json.hpp"
#include "base/runtime_dir.hpp"
#include "base/unique_fd.hpp"
#include "dedup/json_text.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/guest_name.hpp"

namespace samepage::vmm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string bytes_of(const GuestRecord& record) {
  json head{{"name", record.name},
            {"domain", record.domain},
            {"image", record.image},
            {"pid", record.pid},
            {"cpus", record.cpus},
            {"ram_bytes", record.ram_bytes},
            {"started_at", record.started_at}};
  if (record.end) {
    head["end"] = {{"at", record.end->at},
                   {"exit_code", record.end->exit_code},
                   {"how", record.end->how},
                   {"reason", record.end->reason}};
  }
  return dedup::json_text(head) + "\n" + record.output;
}

GuestRecord record_of(const std::string& bytes) {
  const std::size_t line = std::min(bytes.find('\n'), bytes.size());
  const json head = json::parse(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(line));
  GuestRecord record{head.at("name"),
                     head.at("domain"),
                     head.at("image"),
                     head.at("pid"),
                     head.at("cpus"),
                     head.at("ram_bytes"),
                     head.at("started_at"),
                     {},
                     bytes.substr(std::min(line + 1, bytes.size()))};
  if (const auto end = head.find("end"); end != head.end()) {
    record.end = {end->at("at"), end->at("exit_code"), end->at("how"), end->at("reason")};
  }
  return record;
}

void write_file(const std::string& path, std::string_view bytes) {
  const UniqueFd fd =
      checked_fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), "open " + path);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    bytes.remove_prefix(static_cast<std::size_t>(check(written, "write of " + path)));
  }
}

}  // namespace

GuestRecord::End GuestRecord::how_it_ended() const {
  if (end) return *end;
  return {0, exit_by_signal(SIGKILL), "killed",
          "its process was killed: by the kernel when memory ran out, or by 'kill -9'"};
}

GuestRecords::GuestRecords(const std::string& runtime_directory)
    : directory_(runtime_directory + "/ended"), sockets_(runtime_directory + "/guests") {}

GuestRecords GuestRecords::of_this_user() {
  return GuestRecords(runtime_dir());
}

std::string GuestRecords::file_of(std::string_view name) const {
  return fmt::format("{}/{}", directory_, name);
}

void GuestRecords::put(const GuestRecord& record) const {
  require_guest_name(record.name);
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST) throw_errno("mkdir " + directory_);
  // No name of a guest, and no two processes write the same.
  const std::string pending = file_of(fmt::format(".{}.{}", record.name, ::getpid()));
  write_file(pending, bytes_of(record));
  check(::rename(pending.c_str(), file_of(record.name).c_str()), "rename " + pending);
  remove_oldest();
}

void GuestRecords::forget(const std::string& name) const {
  require_guest_name(name);
  if (::unlink(file_of(name).c_str()) != 0 && errno != ENOENT) throw_errno("unlink " + file_of(name));
}

std::optional<GuestRecord> GuestRecords::find(const std::string& name) const {
  std::ifstream file(file_of(name), std::ios::binary);
  if (!is_guest_name(name) || !file) return std::nullopt;
  try {
    return record_of({std::istreambuf_iterator<char>(file), {}});
  } catch (const json::exception&) {
    return std::nullopt;  // of another version
  }
}

std::vector<GuestRecord> GuestRecords::all() const {
  std::vector<GuestRecord> records;
  for (const std::string& name : names_by_age()) {
    if (std::optional<GuestRecord> record = find(name)) records.push_back(std::move(*record));
  }
  return records;
}

std::vector<std::string> GuestRecords::names_by_age() const {
  std::vector<std::pair<fs::file_time_type, std::string>> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory_, error)) {
    const std::string name = entry.path().filename().string();
    const fs::file_time_type written = entry.last_write_time(error);
    if (!error && is_guest_name(name)) files.emplace_back(written, name);
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> names;
  names.reserve(files.size());
  for (auto& [written, name] : files) names.push_back(std::move(name));
  return names;
}

void GuestRecords::remove_oldest() const {
  std::vector<std::string> names = names_by_age();
  std::error_code error;
  std::erase_if(names, [&](const std::string& name) {  // those that live are not counted
    return fs::exists(fmt::format("{}/{}.sock", sockets_, name), error);
  });
  for (std::size_t i = 0; i + most < names.size(); ++i) forget(names[i]);
}

std::int64_t now_in_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace samepage::vmm
