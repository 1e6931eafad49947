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

// Encoded bytes of a result, with the number of rows so far.
struct RowsRead {
  std::string bytes;
  protocol::RowsHeader header;
};
// The process cannot complete the query.
struct EngineLost {
  // The process did not run the query, because another query had broken it. Otherwise the process
  // ended while the query ran.
  bool never_ran = false;
  // If it is set, the query ends with this error and does not run again: it broke DuckDB, or the
  // process sent bytes that tarn-engine does not send.
  std::optional<Error> error = std::nullopt;
  // DuckDB failed while the query ran. The process drains.
  bool is_broken = false;
  // Memory ran out while the query ran, as `error` says. Another process may have enough.
  bool is_exhausted = false;
};
// The events of a query: Begun, any number of RowsRead, then one of the others.
using ProcessEvent = std::variant<protocol::Begun, RowsRead, ResultSummary, Error, EngineLost>;

// Returns the next frame of a slot; nullopt if the process has ended, or after
// slot.socket.cancel().
boost::asio::awaitable<Result<std::optional<protocol::Frame>>> ReadFrame(EngineProcess::Slot& slot);
// Sends slot.unsent. Returns false if the process has ended, or after slot.socket.cancel(). Then
// `unsent` has the rest, which must be sent before another frame.
boost::asio::awaitable<bool> SendUnsent(EngineProcess::Slot& slot);
// True for the last frame of a query. The slot is free after it.
bool IsLastFrame(const protocol::Frame& frame);
// True for the last frame of a query after which DuckDB refuses all further statements.
bool HasBrokenEngine(const protocol::Frame& frame);
// kBroken or kExhausted if the last frame of a query reports it; else kNone.
EndCause CauseIn(const protocol::Frame& frame);

// A query in an engine process. If it is destroyed or cancelled before its end, the process is told
// to end it. Used on the executor of the query.
class EngineQuery {
 public:
  // `on_lost` is called if the process ends after the query was cancelled or destroyed; see
  // EngineSupervisor::Abandon.
  EngineQuery(EngineSupervisor& supervisor, std::shared_ptr<Query> query, Admission::Permit permit,
              EngineProcess::Lease lease, EngineSupervisor::OnLost on_lost = nullptr);
  ~EngineQuery();
  EngineQuery(const EngineQuery&) = delete;
  EngineQuery& operator=(const EngineQuery&) = delete;

  // Sends the query to the process. Returns false if the process has ended.
  boost::asio::awaitable<bool> Send(const protocol::Query& message);

  // Returns the next event. Must not be called after the last one.
  boost::asio::awaitable<ProcessEvent> Next();

  // The admission permit of the query.
  Admission::Permit& permit() { return permit_; }

 private:
  ProcessEvent ToEvent(const protocol::Frame& frame);
  ProcessEvent ToFailure(const protocol::Frame& frame);
  void OnCancel();
  // Lets the supervisor end the query.
  void Abandon();
  // Frees the slot after the last frame. Error: more bytes follow.
  Result<> End();
  // Ends the process, if it has not ended, and gives up its slot.
  void Lose();
  // Ends the process because it broke the protocol. Returns the error of the query.
  ProcessEvent Break(const Error& error);

  EngineSupervisor& supervisor_;
  const std::shared_ptr<Query> query_;
  Admission::Permit permit_;
  EngineSupervisor::OnLost on_lost_;
  std::optional<EngineProcess::Lease> lease_;  // Empty after the end of the query.
  bool waiting_ = false;                       // Next or Send waits for the socket.
  bool has_begun_ = false;                     // Begun was received.
};

}  // namespace tarn::queryd
