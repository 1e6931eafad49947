#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/result.h"
#include "protocol/messages.h"
#include "queryd/admission.h"
#include "queryd/engine_process.h"
#include "queryd/engine_supervisor.h"
#include "queryd/query.h"

namespace tarn::queryd {

// Encoded bytes of a result, and how many rows there are with them.
struct RowsRead {
  std::string bytes;
  protocol::RowsHeader header;
};
// The engine process ended before the query did.
struct EngineLost {};
// What comes out of a query, in this order: rows, any number of times, then one of the others.
using EngineEvent = std::variant<RowsRead, ResultSummary, Error, EngineLost>;

// The next frame of a slot; none when the process has ended, or when the wait was cut off by
// slot.socket.cancel().
boost::asio::awaitable<Result<std::optional<protocol::Frame>>> ReadFrame(EngineProcess::Slot& slot);

// One query in an engine process. Destroyed before its end, it is cancelled there. Used on the
// query's executor.
class EngineQuery {
 public:
  EngineQuery(EngineSupervisor& supervisor, std::shared_ptr<Query> query, Admission::Permit permit,
              EngineProcess::Lease lease);
  ~EngineQuery();
  EngineQuery(const EngineQuery&) = delete;
  EngineQuery& operator=(const EngineQuery&) = delete;

  // Hands the query to the engine. False when the process has ended.
  boost::asio::awaitable<bool> Send(const protocol::Query& message);

  // Not again after something else than rows.
  boost::asio::awaitable<EngineEvent> Next();

  // Its place among those that run: for others when its reader is slow, for its second try when
  // its process has ended.
  Admission::Permit TakePlace() { return std::move(permit_); }

 private:
  EngineEvent ToEvent(const protocol::Frame& frame);
  // The engine has said its last word: the slot is free.
  void End();

  EngineSupervisor& supervisor_;
  const std::shared_ptr<Query> query_;
  Admission::Permit permit_;
  std::optional<EngineProcess::Lease> lease_;
};

}  // namespace tarn::queryd
