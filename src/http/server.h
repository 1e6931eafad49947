#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/deadline.h"
#include "base/lakehouse.h"
#include "base/metrics.h"
#include "base/result.h"
#include "http/authorization.h"
#include "http/connection_table.h"
#include "http/peer_log.h"
#include "http/router.h"
#include "http/tls.h"
#include "http/web_safety.h"

namespace tarn::http {

class Session;

// An HTTP/1.1 server: accepts connections, reads requests within their limits, finds the route
// and sends what its handler returns. A coroutine per connection on its own strand.
//
// The io_context is run by threads that its owner has. Life cycle: Listen, run, Drain.
class Server {
 public:
  Server(boost::asio::io_context& io, Router router, HttpSettings limits, Metrics& metrics);
  ~Server();

  // Before Listen. Asks for these tokens; they outlive the server. Without any (null) it refuses to
  // listen where others than this machine can connect, unless anonymous use is allowed.
  void Protect(auth::TokenStore* tokens, bool allow_anonymous);
  // Before Listen. Without it, the strictest rules count.
  void SetWebSafety(WebSafety safety) { web_safety_ = std::move(safety); }

  // Before Listen: speaks HTTPS, with a certificate that outlives the server. Null: HTTP.
  void SetTls(const ServerTls* tls) { tls_ = tls; }

  // Binds and begins to accept. `bind` is host:port.
  Result<> Listen(const std::string& bind);
  // "127.0.0.1:3214": where it listens, with the port that port 0 became.
  const std::string& address() const { return address_; }

  // Accepts no more and closes idle connections; requests that are under way go on.
  void StopAccepting();
  // Waits for running requests until the deadline. True when none is left; only then may the
  // server be destroyed.
  bool WaitIdle(Deadline deadline);
  // Ends what is left.
  void CloseAll();

 private:
  friend class Session;
  // Where the requests of one route, or of none, are counted. Filled as they come, because /metrics
  // shows what has happened and not what could.
  struct RouteMetrics {
    static constexpr int kStatusMax = 599;
    std::atomic<prometheus::Histogram*> seconds = nullptr;
    std::array<std::atomic<prometheus::Counter*>, kStatusMax + 1> requests = {};
  };

  boost::asio::awaitable<void> Accept();
  void Admit(boost::asio::ip::tcp::socket socket);
  void Register(const std::shared_ptr<Session>& session);
  void Unregister(const std::shared_ptr<Session>& session);
  // A connection beyond the limit was not served.
  void CountRefused(ConnectionTable::Limit limit);
  // A request of `peer` was refused because of its framing.
  void CountFramingError(const std::string& peer);
  // `route` is of router_, or null.
  void Count(const Route* route, int status, double seconds);

  boost::asio::io_context& io_;
  const Router router_;
  const HttpSettings limits_;
  WebSafety web_safety_;
  const ServerTls* tls_ = nullptr;
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
  ConnectionTable connections_;
  std::vector<RouteMetrics> route_metrics_;  // One for each route, and at the end that of none.
  boost::asio::ip::tcp::acceptor acceptor_;
  std::string address_;
  std::atomic<bool> draining_ = false;

  std::mutex mutex_;
  std::condition_variable idle_;                           // With mutex_.
  std::unordered_set<std::shared_ptr<Session>> sessions_;  // guarded by mutex_
  bool accepting_ = false;                                 // guarded by mutex_: Accept() runs
  bool closing_ = false;  // guarded by mutex_: what closes the acceptor is on its way
};

}  // namespace tarn::http
