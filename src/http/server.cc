#include "http/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "http/session.h"
#include "net/address.h"

namespace tarn::http {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::array<const char*, 2> kLimitNames = {"http.connections_max",
                                                    "http.connections_per_address_max"};

constexpr const char* kRefusedHelp = "Connections beyond a limit that were not served";
constexpr const char* kEvictedHelp =
    "Connections without a complete request that were closed for a new one";

size_t IndexOf(ConnectionTable::Limit limit) {
  return limit == ConnectionTable::Limit::kAddress ? 1 : 0;
}

ConnectionTable::Limits LimitsOf(const HttpSettings& settings) {
  const int64_t given = settings.connections_per_address_max;
  const int64_t all = settings.connections_max;
  // Applications and reverse proxies on this machine share one address for all their clients.
  return {.connections_max = static_cast<size_t>(all),
          .per_address_max = static_cast<size_t>(given > 0 ? given : (all + 1) / 2),
          .per_loopback_max = static_cast<size_t>(given > 0 ? given : all),
          .reserved = static_cast<size_t>(std::max<int64_t>(settings.reserved_connections, 1))};
}

}  // namespace

Server::Server(asio::io_context& io, Router router, HttpSettings limits, Metrics& metrics)
    : io_(io),
      router_(std::move(router)),
      limits_(std::move(limits)),
      metrics_(metrics),
      authorization_(std::make_unique<Authorization>(nullptr, metrics, limits_.peer_log_interval)),
      connections_gauge_(metrics.Gauge("tarn_http_connections", "Open HTTP connections")),
      refused_counters_{&metrics.Counter("tarn_http_connections_refused_total", kRefusedHelp,
                                         {{"limit", kLimitNames[0]}}),
                        &metrics.Counter("tarn_http_connections_refused_total", kRefusedHelp,
                                         {{"limit", kLimitNames[1]}})},
      evicted_counters_{&metrics.Counter("tarn_http_connections_evicted_total", kEvictedHelp,
                                         {{"limit", kLimitNames[0]}}),
                        &metrics.Counter("tarn_http_connections_evicted_total", kEvictedHelp,
                                         {{"limit", kLimitNames[1]}})},
      framing_errors_(metrics.Counter("tarn_http_framing_errors_total",
                                      "Requests refused because the length of their body was "
                                      "ambiguous")),
      connections_log_(std::make_shared<PeerLog>(
          limits_.peer_log_interval,
          [](const PeerLog::Line& line) {
            log::Warn(
                "too many connections",
                {{"limit", line.detail}, {"peer", line.peer}, {"suppressed", line.suppressed}});
          })),
      framing_log_(std::make_shared<PeerLog>(limits_.peer_log_interval,
                                             [](const PeerLog::Line& line) {
                                               log::Warn("request of ambiguous length",
                                                         {{"peer", line.peer},
                                                          {"suppressed", line.suppressed}});
                                             })),
      bodies_log_(std::make_shared<PeerLog>(limits_.peer_log_interval,
                                            [](const PeerLog::Line& line) {
                                              log::Warn("too many large bodies in memory",
                                                        {{"peer", line.peer},
                                                         {"suppressed", line.suppressed}});
                                            })),
      connections_(LimitsOf(limits_)),
      body_budget_(static_cast<size_t>(limits_.body_memory_max), metrics),
      route_metrics_(router_.routes().size() + 1),
      acceptor_(asio::make_strand(io)) {}

Server::~Server() = default;

void Server::Protect(auth::TokenStore* tokens, bool allow_anonymous) {
  authorization_ = std::make_unique<Authorization>(tokens, metrics_, limits_.peer_log_interval);
  allow_anonymous_ = allow_anonymous;
}

Result<> Server::Listen(const std::string& bind) {
  TARN_TRY(const net::HostPort where, net::ParseHostPort(bind));
  boost::system::error_code code;
  tcp::resolver resolver(io_);
  const auto found = resolver.resolve(where.host, where.port, code);
  if (code) return Unavailable(fmt::format("cannot listen on {}: {}", bind, code.message()));
  const tcp::endpoint endpoint = found.begin()->endpoint();
  if (!endpoint.address().is_loopback() && !authorization_->RequiresTokens() && !allow_anonymous_) {
    return InvalidArgument(
        fmt::format("cannot listen on {}: other machines could use it without a token; "
                    "set auth.tokens_path, or auth.allow_anonymous = true (tarn up: "
                    "--allow-anonymous) if that is intended",
                    bind));
  }
  acceptor_.open(endpoint.protocol(), code);
  if (!code) acceptor_.set_option(asio::socket_base::reuse_address(true), code);
  if (!code) acceptor_.bind(endpoint, code);
  if (!code) acceptor_.listen(asio::socket_base::max_listen_connections, code);
  if (code == boost::system::errc::address_in_use) {
    return Unavailable(fmt::format(
        "cannot listen on {}: another program or another Tarn uses this port; stop it, or choose "
        "another port",
        bind));
  }
  if (code) return Unavailable(fmt::format("cannot listen on {}: {}", bind, code.message()));
  address_ = net::FormatEndpoint(acceptor_.local_endpoint());
  web_safety_.SetServer(acceptor_.local_endpoint().address().is_loopback(), tls_ != nullptr);
  {
    const MutexLock lock(mutex_);
    accepting_ = true;
  }
  asio::co_spawn(acceptor_.get_executor(), Accept(), [this](const std::exception_ptr& error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const std::exception& e) {
      log::Error("listener failed", {{"error", e.what()}});
    }
    const MutexLock lock(mutex_);
    accepting_ = false;
    idle_.notify_all();
  });
  return {};
}

asio::awaitable<void> Server::Accept() {
  for (;;) {
    auto [code, socket] = co_await acceptor_.async_accept(asio::make_strand(io_),
                                                          asio::as_tuple(asio::use_awaitable));
    if (draining_ || code == asio::error::operation_aborted) co_return;
    if (code) {
      // Usually out of file descriptors: connections that end free some.
      log::Warn("cannot accept a connection", {{"error", code.message()}});
      asio::steady_timer pause(io_, std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
      continue;
    }
    try {
      Admit(std::move(socket));
    } catch (const std::exception& e) {
      // A failure of one connection, such as out of memory, must not end the accept loop.
      log::Error("a connection failed", {{"error", e.what()}});
    }
  }
}

void Server::Admit(tcp::socket socket) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  const tcp::endpoint peer = socket.remote_endpoint(ignored);
  const auto session =
      std::make_shared<Session>(std::move(socket), *this, net::ClientAddress(peer.address()));
  const ConnectionTable::Admission admission =
      connections_.Add(session, session->peer(), net::IsLoopback(peer.address()));
  try {
    if (admission.evicted) {
      if (!admission.is_reserved) evicted_counters_[IndexOf(admission.limit)]->Increment();
      admission.evicted->Close();
    }
    if (admission.limit != ConnectionTable::Limit::kNone) {
      // Clients of many addresses reach the total limit, so they share a line.
      const bool is_of_address = admission.limit == ConnectionTable::Limit::kAddress;
      connections_log_->Add(io_.get_executor(), is_of_address ? session->peer() : "all",
                            kLimitNames[IndexOf(admission.limit)]);
    }
    if (admission.is_reserved) session->Reserve(admission.limit);
    Register(session);
  } catch (...) {
    connections_.Remove(*session);  // Otherwise it would be counted forever.
    throw;
  }
}

void Server::CountRefused(ConnectionTable::Limit limit) {
  refused_counters_[IndexOf(limit)]->Increment();
}

void Server::CountFramingError(const std::string& peer) {
  framing_errors_.Increment();
  framing_log_->Add(io_.get_executor(), peer);
}

void Server::LogRefusedBody(const std::string& peer) { bodies_log_->Add(io_.get_executor(), peer); }

void Server::Register(const std::shared_ptr<Session>& session) {
  {
    const MutexLock lock(mutex_);
    sessions_.insert(session);
    connections_gauge_.Set(static_cast<double>(sessions_.size()));
  }
  session->Start([this, session] { Unregister(session); });
}

void Server::Unregister(const std::shared_ptr<Session>& session) {
  connections_.Remove(*session);
  const MutexLock lock(mutex_);
  sessions_.erase(session);
  connections_gauge_.Set(static_cast<double>(sessions_.size()));
  if (sessions_.empty()) idle_.notify_all();
}

void Server::StopAccepting() {
  const MutexLock lock(mutex_);
  if (draining_.exchange(true)) return;
  closing_ = true;
  asio::post(acceptor_.get_executor(), [this] {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    const MutexLock closed_lock(mutex_);
    closing_ = false;
    idle_.notify_all();
  });
  for (const auto& session : sessions_) session->Drain();
}

bool Server::WaitIdle(Deadline deadline) {
  MutexLock lock(mutex_);
  // The I/O threads then hold no reference to this server, and it can be destroyed.
  return idle_.wait_until(lock, deadline.At(), [this]() TARN_REQUIRES(mutex_) {
    return sessions_.empty() && !accepting_ && !closing_;
  });
}

void Server::CloseAll() {
  const MutexLock lock(mutex_);
  for (const auto& session : sessions_) session->Close();
}

void Server::Count(const Route* route, int status, double seconds) {
  const size_t index = route == nullptr ? route_metrics_.size() - 1
                                        : static_cast<size_t>(route - router_.routes().data());
  RouteMetrics& known = route_metrics_[index];
  std::atomic<prometheus::Counter*>& requests =
      known.requests[static_cast<size_t>(std::clamp(status, 0, RouteMetrics::kStatusMax))];
  prometheus::Counter* counter = requests.load(std::memory_order_acquire);
  prometheus::Histogram* histogram = known.seconds.load(std::memory_order_acquire);
  if (counter == nullptr || histogram == nullptr) {
    // The label is the route's pattern and not the path, so that clients cannot add series. Two
    // threads that get here at once receive the same counter.
    Metrics::Labels labels = {{"method", route == nullptr ? "" : route->method},
                              {"route", route == nullptr ? "" : route->path}};
    histogram =
        &metrics_.Seconds("tarn_http_request_seconds",
                          "Time from the request header to the end of the response", labels);
    labels["status"] = std::to_string(status);
    counter = &metrics_.Counter("tarn_http_requests_total", "HTTP requests answered", labels);
    known.seconds.store(histogram, std::memory_order_release);
    requests.store(counter, std::memory_order_release);
  }
  counter->Increment();
  histogram->Observe(seconds);
}

}  // namespace tarn::http
