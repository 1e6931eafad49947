#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/metrics.h"
#include "base/result.h"
#include "engine/engine.h"

namespace tarn::queryd {

// The body of POST /sql.
struct SqlRequest {
  std::string sql;
  engine::JsonOptions json;
};
// The error is the text of the 400: "decode body: …" or "sql is empty".
Result<SqlRequest> ParseSqlRequest(std::string_view body);

// A result on its way out: what was read of it so far, and the rest when there is more.
struct QueryAnswer {
  std::string bytes;
  std::unique_ptr<engine::QueryStream> rest;  // None: `bytes` is all.
};

// Waits for the query's next event without blocking the thread.
boost::asio::awaitable<engine::QueryEvent> NextEvent(engine::QueryStream& stream);

// Runs queries on the engine and keeps their log lines and metrics. Knows no HTTP.
class QueryService {
 public:
  QueryService(engine::Engine& engine, Metrics& metrics, size_t whole_bytes_max);

  // Runs the query until its result is there as a whole or is larger than `whole_bytes_max`. An
  // error therefore comes before anything was sent.
  boost::asio::awaitable<Result<QueryAnswer>> Run(SqlRequest request, const std::string& id);

  // The reader of an answer left before its end.
  void CountAbandoned() { cancelled_.Increment(); }

  // Reads on where Run stopped: the next bytes, none at the end.
  boost::asio::awaitable<Result<std::string>> ReadOn(engine::QueryStream& rest,
                                                     const std::string& id);

 private:
  void CountEnd(const engine::QueryEnd& end);
  Error CountError(const Error& error, const std::string& id);

  engine::Engine& engine_;
  const size_t whole_bytes_max_;
  prometheus::Counter& succeeded_;
  prometheus::Counter& failed_;
  prometheus::Counter& cancelled_;
  prometheus::Counter& rows_;
  prometheus::Counter& bytes_;
  prometheus::Gauge& running_;
  prometheus::Histogram& first_bytes_seconds_;
};

}  // namespace tarn::queryd
