// SPDX-License-Identifier: Apache-2.0
#include "tests/dedup/faults/fault_script.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/json.hpp"
#include "dedup/daemon_connection.hpp"

namespace samepage::dedup {
namespace {

using Which = PageOuts::Which;
using nlohmann::json;

// Where a guest's pages lie.
constexpr std::size_t image_first = 0, image_count = 24;
constexpr std::size_t shared_first = 32, shared_count = 48;
constexpr std::size_t own_first = 80, own_count = 64;

// What no other guest has.
std::uint64_t own(const FleetGuest& guest) {
  return static_cast<std::uint64_t>(guest.name.back()) << 32U;
}

// For what never comes; nothing here takes as long as that.
constexpr std::chrono::seconds patience{20};

}  // namespace

FaultScript::FaultScript(DaemonProcess& daemon, const std::vector<std::string>& names, std::string folder)
    : daemon_(&daemon), folder_(std::move(folder)) {
  for (const std::string& name : names) guests_.push_back(make_guest(name, pages));
}

bool FaultScript::run() {
  constexpr Step steps[]{
      {"guests join", &FaultScript::join},
      {"images are loaded", &FaultScript::load_images},
      {"pages are merged", &FaultScript::merge},
      {"shared pages are written", &FaultScript::write},
      {"pages go out", &FaultScript::page_out},
      {"pages come back", &FaultScript::come_back},
      {"shared pages go out too and are used again", &FaultScript::suspend},
      {"somebody tunes", &FaultScript::tune},
      {"paging files come and go", &FaultScript::change_files},
      {"guests come back to their daemon", &FaultScript::rejoin_the_same},
      {"another guest ends", &FaultScript::end_another_guest},
      {"another guest is kept out", &FaultScript::try_another_domain},
  };
  for (const auto& [what, act] : steps) {
    const bool lives = (this->*act)();
    check_memory(std::string("when ") + what);
    if (!lives) return false;
  }
  return true;
}

bool FaultScript::connect(FleetGuest& guest) {
  UniqueFd socket = connect_local(daemon_->path(), {20, 0});
  if (!socket) return false;
  try {
    guest.worker->connect(std::move(socket));
  } catch (const GuestKeptOut&) {
    throw;
  } catch (const UserError&) {
    return false;  // it ended while we were joining it
  }
  return true;
}

bool FaultScript::each(const std::function<void(FleetGuest&)>& act) {
  for (const auto& guest : guests_) {
    if (!guest->worker->connected()) return false;
    act(*guest);
  }
  return true;
}

bool FaultScript::join() {
  for (const auto& guest : guests_) {
    if (!connect(*guest)) return false;
  }
  return turns(2);
}

bool FaultScript::load_images() {
  std::vector<std::uint64_t> contents(image_count);
  for (std::size_t page = 0; page < image_count; ++page) contents[page] = page;  // the first is of zeros
  return each([&](FleetGuest& guest) {
           const FleetImage image = image_for(guest, image_first, contents);
           guest.worker->place(image.parts);
         }) &&
         turns();
}

bool FaultScript::merge() {
  const bool lives = each([](FleetGuest& guest) {
    for (std::size_t page = 0; page < shared_count; ++page) guest.fill(shared_first + page, 100 + page);
    for (std::size_t page = 0; page < own_count; ++page) {
      guest.fill(own_first + page, page < own_count / 2 ? 1000 + page : 2000 + page + own(guest));
    }
    // Zeros that were something else before.
    for (std::size_t page = 24; page < 32; ++page) guest.fill(page, 7);
  });
  return lives && turns() && each([](FleetGuest& guest) {
           for (std::size_t page = 24; page < 32; ++page) guest.fill(page, 0);
         }) &&
         turns();
}

// Shared pages: breaks. Pages that were offered: withdrawals.
bool FaultScript::write() {
  return each([](FleetGuest& guest) {
           for (std::size_t page = 0; page < 8; ++page) guest.fill(shared_first + page, 3000 + page);
           for (std::size_t page = own_count - 8; page < own_count; ++page)
             guest.fill(own_first + page, 4000 + page);
           guest.discard(shared_first + 40, 4);
         }) &&
         turns();
}

bool FaultScript::page_out() {
  return each([](FleetGuest& guest) { guest.worker->paging().begin(pages, Which::all); }) && turns(10);
}

bool FaultScript::come_back() {
  return each([](FleetGuest& guest) {
           for (std::size_t page = 0; page < own_count; ++page) guest.fill(own_first + page, 5000 + page);
         }) &&
         turns() && page_out();
}

// What guests share goes when all of them stand still. Reading it, as after each step, is using it.
bool FaultScript::suspend() {
  return each([](FleetGuest& guest) { guest.worker->paging().stand_still(); }) && page_out() &&
         each([](FleetGuest& guest) {
           guest.worker->paging().begin_return();
           guest.fill(shared_first + 30, 8000);
         }) &&
         turns();
}

bool FaultScript::tune() {
  return !daemon_->ask({{"do", "tune"}, {"interval", "50ms"}}).is_null() && turns(2);
}

bool FaultScript::change_files() {
  // What no other guest has: who leaves a slot that another one still has may be granted it again and again.
  const bool lives = each([](FleetGuest& guest) {
    for (std::size_t page = 0; page < pages; ++page) guest.fill(page, 7000 + page + own(guest));
  });
  if (!lives || !turns() || !page_out()) return false;
  const json added = daemon_->ask({{"do", "paging"}, {"add", folder_ + "/second,initial=8M"}});
  if (added.is_null() || !turns(2)) return false;
  const json remove{{"do", "paging"}, {"remove", folder_ + "/first"}};
  // Asked a second time the daemon looks at once whether all have left it.
  return !daemon_->ask(remove).is_null() && turns(12) && !daemon_->ask(remove).is_null();
}

bool FaultScript::rejoin_the_same() {
  for (const auto& guest : guests_) {
    guest->worker->lose_daemon();
    guest->fill(shared_first + 20, 6000);
    if (!connect(*guest)) return false;
  }
  return turns();
}

bool FaultScript::end_another_guest() {
  const std::string name = guests_.front()->name + "-passer-by";
  Child other = Child::start([this, &name] {
    // Its process alone has a guest; ours have their own memory here, which nobody needs.
    const auto guest = make_guest(name, 8);
    guest->worker->connect(connect_local(daemon_->path(), {20, 0}));
    for (;;) ::pause();
  });
  static_cast<void>(daemon_comes_to(name, Known::yes));
  other.kill();
  return daemon_comes_to(name, Known::no);
}

bool FaultScript::try_another_domain() {
  const auto guest = make_guest(guests_.front()->name + "-elsewhere", 8, {.domain = "elsewhere"});
  try {
    static_cast<void>(connect(*guest));
    return false;  // nobody lets it in: the daemon is lost
  } catch (const GuestKeptOut&) {
    return turns(1);
  }
}

bool FaultScript::daemon_comes_to(const std::string& guest, Known known) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < end) {
    const json answer = daemon_->ask({{"do", "counts"}});
    if (!answer.is_object()) return false;
    const json& guests = answer.at("guests");
    const bool there = std::any_of(guests.begin(), guests.end(),
                                   [&](const json& other) { return other.at("name") == guest; });
    if (there == (known == Known::yes)) return true;
    ::usleep(500);
  }
  return false;
}

// The daemon answers commands after the messages that came before. What is on its way to a disk is waited for
// as the guests wait for it: until they have asked for all that they wanted, or get no answer.
bool FaultScript::turns(int count) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (bool busy = true; count > 0 || (busy && std::chrono::steady_clock::now() < end); --count) {
    busy = false;
    for (const auto& guest : guests_) {
      if (!guest->worker->connected()) return false;
      guest->worker->paging().go_on();
      guest->worker->handle_messages();
      if (guest->worker->connected()) guest->worker->run_pass();
      const PageOuts& outs = guest->worker->page_outs();
      busy = busy || outs.active() || outs.leaving() != 0;
    }
    const json answer = daemon_->ask({{"do", "counts"}});
    if (!answer.is_object()) return false;
    for (const auto& guest : guests_) guest->worker->handle_messages();
  }
  return each([](FleetGuest&) {});
}

void FaultScript::go_on_with(DaemonProcess& daemon) {
  daemon_ = &daemon;
  for (const auto& guest : guests_) {
    guest->worker->handle_messages();  // it hears that the other one is gone
    guest->worker->lose_daemon();
    ASSERT_TRUE(connect(*guest)) << guest->name;
  }
}

void FaultScript::check_memory(const std::string& when) const {
  for (const auto& guest : guests_) {
    EXPECT_TRUE(guest->intact()) << guest->name << " has lost or got a write " << when;
  }
}

void FaultScript::expect_convergence() {
  constexpr std::size_t same = pages - 16;
  for (const auto& guest : guests_) {
    for (std::size_t page = 0; page < same; ++page) guest->fill(page, 10'000 + page);
    for (std::size_t page = same; page < pages; ++page) guest->fill(page, 0);
  }
  ASSERT_TRUE(turns());
  check_memory("after it has converged");
  expect_exact_figures("after it has converged");
  const json host = daemon_->ask({{"do", "stat"}}).at("host");
  if (guests_.size() > 1) {  // in frames or, for frames may go out too, in slots
    const auto figure = [&](const char* key) { return host.at(key).get<std::size_t>(); };
    const std::size_t all = same * guests_.size();
    EXPECT_EQ(figure("pages_shared") + figure("pages_sharing") + figure("paged_bytes") / page_size, all);
    EXPECT_LT(figure("pages_shared") + figure("slots_bytes") / page_size, all);
  }
  EXPECT_EQ(host.at("zero_pages"), (pages - same) * guests_.size());
  for (const auto& guest : guests_) {
    for (std::size_t page = 0; page < same; ++page) {
      guest->fill(page, 20'000 + page + own(*guest));
    }
  }
  ASSERT_TRUE(turns() && page_out());
  for (const auto& guest : guests_) EXPECT_EQ(guest->pages_paged(), same) << guest->name;
  check_memory("after all has gone out again");
  expect_exact_figures("after all has gone out again");
}

// What a guest said last may have been a donation, after which pages are granted that it has not seen yet.
json FaultScript::figures_when_all_is_answered() {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    json host = daemon_->ask({{"do", "stat"}}).at("host");
    if (host.at("pages_pending") == 0U || std::chrono::steady_clock::now() > end) return host;
    for (const auto& guest : guests_) guest->worker->handle_messages();
  }
}

void FaultScript::expect_exact_figures(const std::string& when) {
  const json host = figures_when_all_is_answered();
  std::size_t frames = 0, paged = 0;
  for (const auto& guest : guests_) frames += guest->frames_mapped(), paged += guest->pages_paged();
  EXPECT_EQ(host.at("pages_shared").get<std::size_t>() + host.at("pages_sharing").get<std::size_t>(), frames)
      << when;
  EXPECT_EQ(host.at("paged_bytes"), paged * page_size) << when;
  EXPECT_EQ(host.at("pages_pending"), 0U) << when;
  EXPECT_EQ(host.at("store_bytes").get<std::size_t>(), host.at("pages_shared").get<std::size_t>() * page_size)
      << when;
}

}  // namespace samepage::dedup
