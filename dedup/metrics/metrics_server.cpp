// SPDX-License-Identifier: Apache-2.0
#include "dedup/metrics/metrics_server.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <exception>
#include <list>
#include <map>
#include <optional>
#include <utility>

#include "base/acceptor.hpp"
#include "base/confinement.hpp"
#include "base/cpu_time.hpp"
#include "base/hand_over.hpp"
#include "base/log.hpp"
#include "base/process_memory.hpp"
#include "dedup/metrics/metric_families.hpp"
#include "dedup/metrics/metrics_listener.hpp"
#include "dedup/metrics/scrape_connection.hpp"

namespace samepage::dedup {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::size_t most_clients = 16;
constexpr std::chrono::milliseconds fresh{500};  // a snapshot is not made anew while it is younger
constexpr std::chrono::seconds between_looks{1};

// Of the daemon's thread, which merges, and of everybody else's: nobody waits for metrics.
void yield_to_all() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 19);
}

std::string warning_of(const MetricsAddress& address) {
  const std::string where = text_of(address);
  const auto* endpoint = std::get_if<asio::ip::tcp::endpoint>(&address);
  if (endpoint == nullptr) return fmt::format("metrics are served at {}", where);
  return fmt::format(
      "metrics are served at {}, where {} can read them; --metrics unix:PATH is for one user alone", where,
      endpoint->address().is_loopback() ? "every user of this host" : "other hosts");
}

}  // namespace

class MetricsServer::Serving final : public std::enable_shared_from_this<Serving> {
 public:
  Serving(MetricsConfig config, Ask ask) : config_(std::move(config)), ask_(std::move(ask)) {
    for (MetricsAddress& address : config_.addresses) places_.emplace_back(io_, std::move(address), *this);
    for (Place& place : places_) look_at(place, config_.trouble == MetricsConfig::Trouble::thrown);
  }

  void run() {
    yield_to_all();
    confine_thread(ThreadKind::metrics);
    look_later();
    for (bool over = false; !over;) {
      try {
        io_.run();
        over = true;
      } catch (const std::exception& error) {
        log_error("a client of the metrics gets nothing", error);
      }
    }
  }

  // Any thread.
  void stop() { io_.stop(); }
  [[nodiscard]] std::vector<std::string> places() const {
    const std::scoped_lock lock(mutex_);
    return listening_;
  }

 private:
  using Text = ScrapeConnection::Text;
  using Taker = std::function<void(Text)>;

  struct Place {
    Place(asio::io_context& io, MetricsAddress address, Serving& serving)
        : listener(std::move(address)),
          acceptor(io, {[&serving](UniqueFd client) { serving.adopt(std::move(client)); },
                        [](const std::exception& why) {
                          log(LogLevel::warning, "a client of the metrics is turned away: {}", why.what());
                        },
                        {}}) {}
    MetricsListener listener;
    Acceptor acceptor;
    std::string problem;  // that was told
  };

  // --- Where it listens.

  void look_at(Place& place, bool throws) {
    const bool before = place.listener.listens();
    try {
      if (UniqueFd fd = place.listener.renew()) place.acceptor.listen(std::move(fd));
      place.problem.clear();
    } catch (const std::exception& why) {
      if (throws) throw;
      if (place.problem != why.what()) log_error("metrics are not served", why);
      place.problem = why.what();
    }
    if (before || !place.listener.listens()) return;
    log_line(LogLevel::warning, warning_of(place.listener.address()));
    const std::scoped_lock lock(mutex_);
    listening_.push_back(text_of(place.listener.address()));
  }

  void look_later() {
    timer_.expires_after(between_looks);
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      for (Place& place : places_) look_at(place, false);
      if (asked_ && Clock::now() - asked_at_ > config_.patience) time_out();
      look_later();
    });
  }

  // --- Clients.

  void adopt(UniqueFd client) {
    // Whoever keeps us waiting longest goes first.
    if (clients_.size() >= most_clients) {
      clients_.front()->close();
      clients_.pop_front();
    }
    ScrapeConnection::Socket socket(io_);
    hand_over(std::move(client), socket, asio::generic::stream_protocol(AF_UNSPEC, 0));
    auto connection = std::make_shared<ScrapeConnection>(
        std::move(socket), [this](MetricFormat format, Taker taker) { find(format, std::move(taker)); });
    clients_.push_back(connection);
    connection->start([this, connection = connection.get()] {
      clients_.remove_if([&](const auto& one) { return one.get() == connection; });
      if (clients_.empty()) forget();
    });
  }

  // --- Their text.

  void find(MetricFormat format, Taker taker) {
    if (snapshot_ && Clock::now() - made_ < fresh) return taker(text_in(format));
    waiting_.emplace_back(format, std::move(taker));
    if (waiting_.size() > most_clients) {  // it is one that was closed meanwhile
      const Taker oldest = std::move(waiting_.front().second);
      waiting_.pop_front();
      oldest(nullptr);
    }
    if (asked_) return;
    asked_ = true;
    asked_at_ = Clock::now();
    ask_(own_memory().anonymous(), [self = weak_from_this()](MetricsSnapshot snapshot) {
      const auto serving = self.lock();
      if (!serving) return;
      asio::post(serving->io_, [serving = serving.get(), snapshot = std::move(snapshot)]() mutable {
        serving->take(std::move(snapshot));
      });
    });
  }

  void take(MetricsSnapshot snapshot) {
    asked_ = false;
    texts_.clear();
    snapshot.process = process();
    snapshot_ = std::move(snapshot);
    made_ = Clock::now();
    for (auto& [format, taker] : std::exchange(waiting_, {})) taker(text_in(format));
  }

  // The daemon's thread is stuck, or had no memory for a snapshot.
  void time_out() {
    asked_ = false;
    for (auto& [format, taker] : std::exchange(waiting_, {})) taker(nullptr);
  }

  Text text_in(MetricFormat format) {
    if (!snapshot_) return {};
    Text& text = texts_[format];
    if (!text) text = std::make_shared<const std::string>(metrics_text(*snapshot_, format));
    return text;
  }

  // Nobody asks: what was made for those who did is let go.
  void forget() {
    texts_.clear();
    snapshot_.reset();
  }

  [[nodiscard]] MetricsSnapshot::Process process() const {
    const auto micro = [](auto time) {
      return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
    };
    return {micro(process_cpu_time()), own_memory().rss, micro(started_.time_since_epoch()), config_.version};
  }

  MetricsConfig config_;
  Ask ask_;
  std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> stays_{io_.get_executor()};
  asio::steady_timer timer_{io_};
  std::list<Place> places_;
  std::list<std::shared_ptr<ScrapeConnection>> clients_;  // the oldest first
  std::deque<std::pair<MetricFormat, Taker>> waiting_;
  bool asked_ = false;
  Clock::time_point asked_at_;
  std::optional<MetricsSnapshot> snapshot_;
  Clock::time_point made_;
  std::map<MetricFormat, Text> texts_;
  mutable std::mutex mutex_;
  std::vector<std::string> listening_;
};

MetricsServer::MetricsServer(MetricsConfig config, Ask ask)
    : serving_(std::make_shared<Serving>(std::move(config), std::move(ask))) {}

MetricsServer::~MetricsServer() {
  serving_->stop();
  if (thread_.joinable()) thread_.join();
}

void MetricsServer::start() {
  thread_ = std::thread([serving = serving_.get()] { serving->run(); });
}

std::vector<std::string> MetricsServer::places() const {
  return serving_->places();
}

}  // namespace samepage::dedup
