// SPDX-License-Identifier: Apache-2.0
#include "tests/dedup/fleet/fleet.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/json.hpp"
#include "base/pipe.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage::dedup {
namespace {

std::uint64_t word_of(std::uint64_t content, std::size_t word) {
  return content == 0 ? 0 : content * 0x9e3779b97f4a7c15U + word;
}

}  // namespace

void FleetGuest::write(std::size_t offset, std::uint64_t value) {
  std::memcpy(ram.data() + offset, &value, sizeof(value));
  std::memcpy(shadow.data() + offset, &value, sizeof(value));
}

void FleetGuest::fill(std::size_t page, std::uint64_t content) {
  for (std::size_t word = 0; word < page_size / 8; ++word) {
    write(page * page_size + word * 8, word_of(content, word));
  }
}

void FleetGuest::discard(std::size_t page, std::size_t count) {
  worker->discard(std::array{GfnRange{Gfn{page}, PageCount{count}}});
  count = std::min(count, pages - page);  // what is beyond the guest's memory is left out
  for (const std::size_t end = page + count; page < end; ++page) {
    // For want of mappings a page may also stay what it was: the guest does not care.
    if (scarce_mappings && !is_zero_page(this->page(page))) continue;
    std::memset(shadow.data() + page * page_size, 0, page_size);
  }
}

bool FleetGuest::intact() const {
  return std::memcmp(ram.data(), shadow.data(), shadow.size()) == 0;
}

std::vector<PageMapRun> FleetGuest::map() const {
  const MemoryRegion region{Gfn{0}, PageCount{pages}, ram.data()};
  return page_map(std::array{region},
                  [&](Gfn gfn) { return worker->states().known({static_cast<std::uint32_t>(gfn.value)}); });
}

std::size_t FleetGuest::frames_mapped() const {
  std::size_t frames = 0;
  for (const PageMapRun& run : map()) {
    if (run.state == PageState::frame) frames += run.range.pages.value;
  }
  return frames;
}

std::size_t FleetGuest::pages_paged() const {
  std::size_t paged = 0;
  for (const PageMapRun& run : map()) {
    if (run.state == PageState::paged || run.state == PageState::paged_in) paged += run.range.pages.value;
  }
  return paged;
}

namespace {

ServerConfig config_of(DupPolicy dup_policy, const std::vector<std::string>& paging_files) {
  ServerConfig config{.dup_policy = dup_policy};
  for (const std::string& spec : paging_files) config.paging_files.push_back(parse_paging_spec(spec));
  return config;
}

}  // namespace

Fleet::Fleet(DupPolicy dup_policy, const std::vector<std::string>& paging_files)
    : server_(io_, config_of(dup_policy, paging_files)) {}

nlohmann::json Fleet::ask_paging(const nlohmann::json& request) {
  nlohmann::json question = request;
  question["do"] = "paging";
  const UniqueFd socket = dial({});
  nlohmann::json answer;
  while_daemon_answers([&] {
    if (!send_message(socket.get(), static_cast<std::uint32_t>(wire::Type::query), question.dump())) return;
    const auto message = receive_message(socket.get());
    if (!message) return;
    if (message->type == static_cast<std::uint32_t>(wire::Type::refused))
      throw UserError(std::string(message->text()));
    answer = nlohmann::json::parse(message->text());
  });
  return answer;
}

Fleet::~Fleet() = default;

UniqueFd Fleet::dial(UniqueFd pidfd) {
  auto [servers, ours] = connected_sockets();
  server_.adopt(std::move(servers), std::move(pidfd));
  return std::move(ours);
}

std::unique_ptr<FleetGuest> make_guest(const std::string& name, std::size_t pages,
                                       const GuestOptions& options) {
  auto guest = std::make_unique<FleetGuest>();
  guest->name = name;
  guest->pages = pages;
  guest->scarce_mappings = options.vma_limit.has_value();
  guest->vma_limit = options.vma_limit.value_or(mappings_for_merging());
  guest->ram = Mapping::anonymous(pages * page_size);
  ::madvise(guest->ram.data(), guest->ram.size(), MADV_NOHUGEPAGE);
  ::madvise(guest->ram.data(), guest->ram.size(), MADV_DONTFORK);
  guest->shadow.resize(pages * page_size);
  // Two regions with a hole in the numbering, as a guest with memory above the MMIO hole has them.
  const PageCount below{pages / 2};
  const std::vector<MemoryRegion> regions{
      {Gfn{0}, below, guest->ram.data()},
      {Gfn{pages / 2}, PageCount{pages} - below, guest->ram.data() + below.bytes()}};
  guest->worker = std::make_unique<Worker>(AgentConfig{guest->name, options.domain, options.sharing, ""},
                                           regions, guest->barrier, options.tracker, options.backend,
                                           [&limit = guest->vma_limit] { return limit; });
  return guest;
}

FleetGuest& Fleet::add_apart(std::size_t pages, const GuestOptions& options) {
  guests_.push_back(make_guest("guest-" + std::to_string(++next_name_), pages, options));
  return *guests_.back();
}

FleetGuest& Fleet::add(std::size_t pages, const GuestOptions& options) {
  FleetGuest& guest = add_apart(pages, options);
  Pipe ends = make_pipe();
  guest.process = std::move(ends.writing);
  guest.pidfd = std::move(ends.reading);
  try {
    rejoin(guest);
  } catch (...) {
    guests_.pop_back();
    throw;
  }
  return guest;
}

void Fleet::rejoin(FleetGuest& guest) {
  UniqueFd socket = dial(checked_fd(::fcntl(guest.pidfd.get(), F_DUPFD_CLOEXEC, 0), "fcntl F_DUPFD"));
  while_daemon_answers([&] { guest.worker->connect(std::move(socket)); });
}

void Fleet::while_daemon_answers(const std::function<void()>& act) {
  std::exception_ptr failure;
  std::atomic<bool> done = false;
  std::thread waiting([&] {
    try {
      act();
    } catch (...) {
      failure = std::current_exception();
    }
    done = true;
  });
  step_until(
      "the daemon has answered all", [this] { poll_daemon(); }, [&] { return done.load(); });
  waiting.join();
  poll_daemon();  // what was said last
  if (failure) std::rethrow_exception(failure);
}

FleetImage image_for(FleetGuest& guest, std::size_t first, const std::vector<std::uint64_t>& contents) {
  FleetImage image;
  std::byte* shadow = guest.shadow.data() + first * page_size;
  for (std::size_t page = 0; page < contents.size(); ++page) {
    for (std::size_t word = 0; word < page_size / 8; ++word) {
      const std::uint64_t value = word_of(contents[page], word);
      std::memcpy(shadow + page * page_size + word * 8, &value, sizeof(value));
    }
  }
  image.bytes.assign(shadow, shadow + contents.size() * page_size);
  image.parts = {{Gfn{first}, image.bytes}};
  return image;
}

void Fleet::load(FleetGuest& guest, std::size_t first, const std::vector<std::uint64_t>& contents) {
  const FleetImage image = image_for(guest, first, contents);
  while_daemon_answers([&] { guest.worker->place(image.parts); });
}

void Fleet::kill(FleetGuest& guest) {
  // As the kernel does it: memory first, descriptors, and the pidfd last.
  guest.worker.reset();
  guest.ram = Mapping();
  guest.process.reset();
  std::erase_if(guests_, [&](const auto& other) { return other.get() == &guest; });
  poll_daemon();
}

void Fleet::poll_daemon() {
  io_.restart();
  while (io_.poll() > 0) {
  }
}

void Fleet::wait_for_disks() {
  poll_daemon();
  const auto some = [this] {
    io_.restart();
    io_.run_one_for(std::chrono::seconds(1));
  };
  step_until("all that was donated is on the disk", some,
             [this] { return server_.pages_on_their_way() == 0; });
  poll_daemon();
}

void Fleet::exchange_messages_until(const std::string& what, const std::function<bool()>& holds) {
  step_until(
      what, [this] { exchange_messages(); }, holds);
}

void Fleet::exchange_messages() {
  // Until the daemon has had nothing to do since every agent fell silent.
  for (bool busy = true; busy;) {
    poll_daemon();
    busy = server_.pages_on_their_way() > 0;
    if (busy) io_.restart(), io_.run_one();  // a disk writes
    for (const auto& guest : guests_) {
      if (!guest->worker->connected()) continue;
      guest->worker->paging().go_on();
      pollfd waiting{guest->worker->socket_fd(), POLLIN, 0};
      if (::poll(&waiting, 1, 0) <= 0) continue;
      guest->worker->handle_messages();
      busy = true;
    }
  }
}

void Fleet::pass() {
  for (const auto& guest : guests_) guest->worker->run_pass();
  exchange_messages();
}

void Fleet::settle() {
  for (int i = 0; i < 3; ++i) pass();  // seen, quiet and offered, merged
}

nlohmann::json Fleet::host() const {
  return server_.statistics(Server::Costs::left_out).at("host");  // the daemon is the test itself
}

std::uint64_t Fleet::figure(const std::string& key) const {
  return host().at(key).get<std::uint64_t>();
}

void Fleet::check_memory(const std::string& when) const {
  for (const auto& guest : guests_) {
    ASSERT_TRUE(guest->intact()) << guest->name << " has lost or got a write " << when;
  }
}

void Fleet::check_everything(const std::string& when) const {
  ASSERT_NO_FATAL_FAILURE(check_memory(when));
  std::size_t mapped = 0;
  for (const auto& guest : guests_) mapped += guest->frames_mapped();
  const auto figures = host();
  const auto merged =
      figures.at("pages_shared").get<std::size_t>() + figures.at("pages_sharing").get<std::size_t>();
  // A break that no pass has seen yet is still counted as a reference; never the other way round.
  ASSERT_GE(merged + figures.at("pages_pending").get<std::size_t>(), mapped) << when;
  ASSERT_EQ(figures.at("store_bytes").get<std::size_t>(),
            figures.at("pages_shared").get<std::size_t>() * page_size)
      << when;
}

void Fleet::check_references(const std::string& when) const {
  std::size_t mapped = 0;
  for (const auto& guest : guests_) mapped += guest->frames_mapped();
  EXPECT_EQ(figure("pages_shared") + figure("pages_sharing"), mapped) << when;
  EXPECT_EQ(figure("pages_pending"), 0U) << when;
  std::size_t paged = 0;
  for (const auto& guest : guests_) paged += guest->pages_paged();
  EXPECT_EQ(figure("paged_bytes"), paged * page_size) << when;
}

}  // namespace samepage::dedup
