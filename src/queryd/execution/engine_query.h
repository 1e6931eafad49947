#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/result.h"
#include "protocol/messages.h"
#include "queryd/execution/engine_process.h"
#include "queryd/execution/engine_supervisor.h"
#include "queryd/query/admission.h"
#include "queryd/query/query.h"

namespace tarn::queryd {

// Encoded bytes of a result, and how many rows there are with them.
struct RowsRead {
  std::string bytes;
  protocol::RowsHeader header;
};
// The engine process cannot finish the query.
struct EngineLost {
  // The process never ran it, because another query broke it. Else it ended while it ran.
  bool never_ran = false;
  // Given if the query is answered with this error and does not run again: it broke the engine, or
  // the process answered with bytes that tarn-engine does not send.
  std::optional<Error> error = std::nullopt;
  // DuckDB failed while the query ran. The process goes on until its other queries have ended.
  bool is_broken = false;
};
// What comes out of a query, in this order: that it has begun, rows, any number of times, then one
// of the others.
using ProcessEvent = std::variant<protocol::Begun, RowsRead, ResultSummary, Error, EngineLost>;

// The next frame of a slot; none when the process has ended, or when the wait was cut off by
// slot.socket.cancel().
boost::asio::awaitable<Result<std::optional<protocol::Frame>>> ReadFrame(EngineProcess::Slot& slot);
// Sends slot.unsent. False when the process has ended, or when it was cut off in the same way: what
// is left then is still to be sent, half a frame would break the stream.
boost::asio::awaitable<bool> SendUnsent(EngineProcess::Slot& slot);
// True for the frame after which the slot is free.
bool IsLastWord(const protocol::Frame& frame);
// True for the last word of a query during which DuckDB failed for all further statements.
bool HasBrokenEngine(const protocol::Frame& frame);

// One query in an engine process. Destroyed or cancelled before its end, it is ended there, whoever
// reads it or not. Used on the query's executor.
class EngineQuery {
 public:
  // `on_lost` is called if the process ends after the query was cancelled or destroyed; see
  // EngineSupervisor::Abandon.
  EngineQuery(EngineSupervisor& supervisor, std::shared_ptr<Query> query, Admission::Permit permit,
              EngineProcess::Lease lease, EngineSupervisor::OnLost on_lost = nullptr);
  ~EngineQuery();
  EngineQuery(const EngineQuery&) = delete;
  EngineQuery& operator=(const EngineQuery&) = delete;

  // Hands the query to the engine. False when the process has ended.
  boost::asio::awaitable<bool> Send(const protocol::Query& message);

  // Not again after its end.
  boost::asio::awaitable<ProcessEvent> Next();

  // The query's slot among those that run.
  Admission::Permit& permit() { return permit_; }

 private:
  ProcessEvent ToEvent(const protocol::Frame& frame);
  ProcessEvent ToFailure(const protocol::Frame& frame);
  void OnCancel();
  // Leaves it to the supervisor to end the query.
  void Abandon();
  // The engine has said its last word: the slot is free. Error: more bytes follow.
  Result<> End();
  // The process has ended, or must: its slot is of no use any more.
  void Lose();
  // The engine broke the protocol: ends the process, and the query with an error.
  ProcessEvent Break(const Error& error);

  EngineSupervisor& supervisor_;
  const std::shared_ptr<Query> query_;
  Admission::Permit permit_;
  EngineSupervisor::OnLost on_lost_;
  std::optional<EngineProcess::Lease> lease_;  // None: it is over, or abandoned.
  bool waiting_ = false;                       // For the socket.
  bool has_begun_ = false;                     // Begun has come.
};

}  // namespace tarn::queryd
