#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/deadline.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "config/lakehouse.h"
#include "http/authorization.h"
#include "http/body_budget.h"
#include "http/connection_table.h"
#include "http/peer_log.h"
#include "http/router.h"
#include "http/web_safety.h"
#include "net/tls.h"

namespace tarn::http {

class Session;

// An HTTP/1.1 server: accepts connections, reads requests within the limits, finds the route and
// sends the response of its handler. Each connection is a coroutine on its own strand.
//
// The owner of the io_context runs its threads. Life cycle: Listen, run, StopAccepting, WaitIdle.
class Server {
 public:
  Server(boost::asio::io_context& io, Router router, HttpSettings limits, Metrics& metrics);
  ~Server();

  // Call before Listen. Requires these tokens, which outlive the server. Without tokens (null),
  // Listen fails for an address that is not loopback, unless anonymous use is allowed.
  void Protect(auth::TokenStore* tokens, bool allow_anonymous);
  // Call before Listen. The default rules are the strictest.
  void SetWebSafety(WebSafety safety) { web_safety_ = std::move(safety); }

  // Call before Listen. Enables HTTPS with a certificate that outlives the server. Null: HTTP.
  void SetTls(const net::ServerTls* tls) { tls_ = tls; }

  // Call before Listen. Changes the body of error responses (Response::problem) to requests whose
  // path starts with the prefix. Runs on an I/O thread.
  using ErrorDocument = std::function<void(Response& response)>;
  void SetErrorDocument(std::string path_prefix, ErrorDocument document) {
    error_prefix_ = std::move(path_prefix);
    error_document_ = std::move(document);
  }

  // Binds and starts to accept. `bind` is host:port.
  Result<> Listen(const std::string& bind);
  // The listening address ("127.0.0.1:3214"), with the assigned port if the requested one was 0.
  const std::string& address() const { return address_; }

  // Stops accepting and closes idle connections. Running requests continue.
  void StopAccepting();
  // Waits for running requests until the deadline. Returns true if none is left; only then may the
  // server be destroyed.
  bool WaitIdle(Deadline deadline);
  // Closes all connections.
  void CloseAll();

 private:
  friend class Session;
  // The metrics of one route, or of requests without a route. Created on first use, so that
  // /metrics has no series without requests.
  struct RouteMetrics {
    static constexpr int kStatusMax = 599;
    std::atomic<prometheus::Histogram*> seconds = nullptr;
    std::array<std::atomic<prometheus::Counter*>, kStatusMax + 1> requests = {};
  };

  boost::asio::awaitable<void> Accept();
  void Admit(boost::asio::ip::tcp::socket socket);
  void Register(const std::shared_ptr<Session>& session);
  void Unregister(const std::shared_ptr<Session>& session);
  // Counts a connection beyond a limit that was not served.
  void CountRefused(ConnectionTable::Limit limit);
  // Counts and logs a request of `peer` that was rejected for its framing.
  void CountFramingError(const std::string& peer);
  // Logs a request of `peer` that was refused by body_budget_.
  void LogRefusedBody(const std::string& peer);
  // `route` is an element of router_, or null.
  void Count(const Route* route, int status, double seconds);

  boost::asio::io_context& io_;
  const Router router_;
  const HttpSettings limits_;
  WebSafety web_safety_;
  const net::ServerTls* tls_ = nullptr;
  std::string error_prefix_;
  ErrorDocument error_document_;
  Metrics& metrics_;
  std::unique_ptr<Authorization> authorization_;
  bool allow_anonymous_ = false;
  prometheus::Gauge& connections_gauge_;
  // By limit: http.connections_max, http.connections_per_address_max.
  const std::array<prometheus::Counter*, 2> refused_counters_;
  const std::array<prometheus::Counter*, 2> evicted_counters_;
  prometheus::Counter& framing_errors_;
  const std::shared_ptr<PeerLog> connections_log_;
  const std::shared_ptr<PeerLog> framing_log_;
  const std::shared_ptr<PeerLog> bodies_log_;
  ConnectionTable connections_;
  BodyBudget body_budget_;
  // One for each route; the last for requests without a route.
  std::vector<RouteMetrics> route_metrics_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::string address_;
  std::atomic<bool> draining_ = false;

  Mutex mutex_;
  std::condition_variable_any idle_;  // With mutex_.
  std::unordered_set<std::shared_ptr<Session>> sessions_ TARN_GUARDED_BY(mutex_);
  bool accepting_ TARN_GUARDED_BY(mutex_) = false;  // Accept() is running.
  bool closing_ TARN_GUARDED_BY(mutex_) = false;    // The close of the acceptor is pending.
};

}  // namespace tarn::http
