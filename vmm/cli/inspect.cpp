// SPDX-License-Identifier: Apache-2.0
// `samepage map`, `logs` and `dump`: what is in a guest.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <array>

#include "base/check.hpp"
#include "vmm/cli/commands.hpp"
#include "vmm/cli/guest_client.hpp"
#include "vmm/cli/output.hpp"
#include "vmm/cli/snapshot.hpp"
#include "vmm/cli/table.hpp"
#include "vmm/exit_code.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

std::string state_text(const json& run) {
  std::string state = run.value("state", "");
  if (state != "frame") return state;
  const std::uint64_t first = number(run, "frame");
  const std::uint64_t pages = number(run, "pages");
  return pages == 1 ? fmt::format("frame {}", first) : fmt::format("frame {}-{}", first, first + pages - 1);
}

std::string map_table(const json& runs) {
  Table table(
      {{"GFN", Align::right}, {"LAST", Align::right}, {"PAGES", Align::right}, {"RIGHTS"}, {"STATE"}});
  for (const json& run : runs) {
    const std::uint64_t first = number(run, "gfn");
    const std::uint64_t pages = number(run, "pages");
    table.add_row({fmt::format("{:#x}", first), fmt::format("{:#x}", first + pages - 1),
                   std::to_string(pages), run.value("rights", ""), state_text(run)});
  }
  return table.render();
}

// A file that is removed again unless it is kept.
class NewFile {
 public:
  explicit NewFile(std::string path)
      : path_(std::move(path)),
        fd_(checked_fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
                       "open " + path_)) {
    struct stat info {};
    check(::fstat(fd_.get(), &info), "fstat " + path_);
    if (!S_ISREG(info.st_mode)) throw UserError(path_ + " is no regular file; a dump needs one");
    keep_ = false;
  }
  ~NewFile() {
    if (!keep_) ::unlink(path_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  void keep() { keep_ = true; }

 private:
  std::string path_;
  UniqueFd fd_;
  bool keep_ = true;
};

}  // namespace

int map(const std::string& guest, Format format) {
  const json runs = json::parse(ask_guest(guest, {{"do", "map"}}).data, nullptr, false);
  if (!runs.is_array()) throw UserError("guest '" + guest + "' gave no page map; is it of another version?");
  return format == Format::json ? print_json(runs) : print_text(map_table(runs));
}

int logs(const std::string& guest) {
  return print_text(ask_guest(guest, {{"do", "logs"}}).data);
}

int dump(const std::string& guest, const std::string& file) {
  const GuestConnection connection = connect_guest(guest);
  NewFile output(file);
  const timeval no_limit{0, 0};  // a large guest and a slow disk take their time
  check(::setsockopt(connection.socket.get(), SOL_SOCKET, SO_RCVTIMEO, &no_limit, sizeof(no_limit)),
        "setsockopt");
  ask_guest(connection, {{"do", "dump"}}, std::array{output.fd()});
  output.keep();
  return exit_ok;
}

}  // namespace samepage::cli
