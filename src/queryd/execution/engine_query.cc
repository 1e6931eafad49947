#include "queryd/execution/engine_query.h"

#include <algorithm>
#include <boost/asio/write.hpp>

#include "base/check.h"
#include "base/text.h"
#include "net/awaitable.h"

namespace tarn::queryd {

namespace asio = boost::asio;

namespace {

constexpr size_t kResultReadBytes = 64 * 1024;

}  // namespace

asio::awaitable<Result<std::optional<protocol::Frame>>> ReadFrame(EngineProcess::Slot& slot) {
  for (;;) {
    Result<std::optional<protocol::Frame>> frame = slot.reader.Next();
    if (!frame.ok() || *frame) co_return frame;
    const size_t room = std::max(kResultReadBytes, slot.reader.Missing());
    const auto [code, got] = co_await slot.socket.async_read_some(
        asio::buffer(slot.reader.Prepare(room), room), net::kAsTuple);
    slot.reader.Commit(got);
    if (code) co_return std::optional<protocol::Frame>();
  }
}

asio::awaitable<bool> SendUnsent(EngineProcess::Slot& slot) {
  const asio::const_buffer rest = asio::buffer(slot.unsent);
  const auto [code, sent] = co_await asio::async_write(slot.socket, rest, net::kAsTuple);
  slot.unsent.erase(0, sent);
  co_return !code;
}

bool IsLastFrame(const protocol::Frame& frame) {
  return frame.type == protocol::FrameType::kEnd || frame.type == protocol::FrameType::kFailed;
}

bool HasBrokenEngine(const protocol::Frame& frame) { return CauseIn(frame) == EndCause::kBroken; }

EndCause CauseIn(const protocol::Frame& frame) {
  if (frame.type != protocol::FrameType::kFailed) return EndCause::kNone;
  const auto failed = protocol::FromPayload<protocol::Failed>(frame.payload);
  if (!failed.ok()) return EndCause::kNone;
  if (failed->has_broken_engine) return EndCause::kBroken;
  return failed->has_exhausted_memory ? EndCause::kExhausted : EndCause::kNone;
}

EngineQuery::EngineQuery(EngineSupervisor& supervisor, std::shared_ptr<Query> query,
                         Admission::Permit permit, EngineProcess::Lease lease,
                         EngineSupervisor::OnLost on_lost)
    : supervisor_(supervisor),
      query_(std::move(query)),
      permit_(std::move(permit)),
      on_lost_(std::move(on_lost)),
      lease_(std::move(lease)) {
  query_->OnCancel([this] { OnCancel(); });
}

EngineQuery::~EngineQuery() {
  if (lease_) Abandon();
}

void EngineQuery::OnCancel() {
  if (waiting_) {
    lease_->slot().socket.cancel();
  } else {
    // The reader of the result is slow, so no call of Next can end the query.
    Abandon();
  }
}

void EngineQuery::Abandon() {
  query_->OnCancel(nullptr);
  supervisor_.Abandon(std::move(*lease_), std::move(permit_), query_, std::move(on_lost_));
  lease_.reset();
}

Result<> EngineQuery::End() {
  if (!lease_->slot().reader.empty()) {
    const Error error = Internal("more bytes follow the end of a query");
    Break(error);
    return error;
  }
  query_->OnCancel(nullptr);
  lease_->Release();
  lease_.reset();
  permit_.Release();
  return {};
}

ProcessEvent EngineQuery::Break(const Error& error) {
  supervisor_.OnProtocolError(lease_->process(), error.message);
  Lose();
  return EngineLost{.error = Internal("the engine process sent an answer that cannot be read")};
}

void EngineQuery::Lose() {
  query_->OnCancel(nullptr);
  // Otherwise the next try could get a slot of the same process before it is reaped.
  lease_->process().Kill();
  lease_.reset();
}

asio::awaitable<bool> EngineQuery::Send(const protocol::Query& query) {
  EngineProcess::Slot& slot = lease_->slot();
  boost::system::error_code ignored;
  if (!slot.reader.empty() || slot.socket.available(ignored) > 0) {
    Break(Internal("bytes came before a query"));
    co_return false;
  }
  protocol::Query message = query;
  message.number = ++slot.query;
  slot.unsent = protocol::ToFrame(message);
  // The socket usually accepts the whole frame at once.
  boost::system::error_code code;
  const size_t sent = slot.socket.send(asio::buffer(slot.unsent), 0, code);
  slot.unsent.erase(0, code ? 0 : sent);
  bool taken = !code;
  if (code == asio::error::would_block || (taken && !slot.unsent.empty())) {
    waiting_ = true;
    taken = co_await SendUnsent(slot);
    waiting_ = false;
    // Abandon sends the rest of the frame; Next returns the reason.
    if (query_->cancel_reason()) co_return true;
  }
  if (!taken) Lose();
  co_return taken;
}

asio::awaitable<ProcessEvent> EngineQuery::Next() {
  if (query_->cancel_reason()) co_return *query_->cancel_reason();
  TARN_ASSERT(lease_, "a query is read after its end");
  waiting_ = true;
  const Result<std::optional<protocol::Frame>> frame = co_await ReadFrame(lease_->slot());
  waiting_ = false;
  if (query_->cancel_reason()) {
    // If the last frame arrived just before the cancellation, the slot is free.
    const bool is_over = frame.ok() && *frame && IsLastFrame(**frame);
    const bool is_broken = is_over && HasBrokenEngine(**frame);
    if (is_over && (!End().ok() || is_broken)) {
      co_return EngineLost{.error = query_->cancel_reason(), .is_broken = is_broken};
    }
    co_return *query_->cancel_reason();
  }
  if (!frame.ok()) co_return Break(frame.error());
  if (!*frame) {
    Lose();
    co_return EngineLost{};
  }
  co_return ToEvent(**frame);
}

ProcessEvent EngineQuery::ToEvent(const protocol::Frame& frame) {
  using protocol::FrameType;
  switch (frame.type) {
    case FrameType::kBegun: {
      Result<protocol::Begun> begun = protocol::FromPayload<protocol::Begun>(frame.payload);
      if (!begun.ok()) return Break(begun.error());
      if (std::exchange(has_begun_, true)) return Break(Internal("a query began twice"));
      return std::move(*begun);
    }
    case FrameType::kRows: {
      const Result<protocol::RowsHeader> header = protocol::ReadRowsHeader(frame.payload);
      if (!header.ok()) return Break(header.error());
      if (!has_begun_) return Break(Internal("rows came before the query began"));
      return RowsRead{std::string(frame.payload.substr(protocol::RowsHeader::kBytes)), *header};
    }
    case FrameType::kEnd: {
      const Result<protocol::End> end = protocol::FromPayload<protocol::End>(frame.payload);
      if (!end.ok()) return Break(end.error());
      if (!has_begun_) return Break(Internal("a query ended before it began"));
      if (const Result<> ended = End(); !ended.ok()) return EngineLost{.error = ended.error()};
      return ResultSummary{.rows = end->rows, .truncated = end->truncated};
    }
    case FrameType::kFailed:
      return ToFailure(frame);
    default:
      return Break(Internal("a frame that does not belong to a query"));
  }
}

ProcessEvent EngineQuery::ToFailure(const protocol::Frame& frame) {
  const Result<protocol::Failed> failed = protocol::FromPayload<protocol::Failed>(frame.payload);
  if (!failed.ok()) return Break(failed.error());
  const std::shared_ptr<EngineProcess> process = lease_->process().shared_from_this();
  // The query can run again in these cases.
  const bool is_stale = static_cast<ErrorKind>(failed->kind) == ErrorKind::kStale;
  const bool is_exhausted = failed->has_exhausted_memory && !query_->cancel_reason();
  const bool may_run_again = failed->is_for_another || is_stale || is_exhausted;
  Admission::Permit permit = may_run_again ? std::move(permit_) : Admission::Permit();
  if (const Result<> ended = End(); !ended.ok()) return EngineLost{.error = ended.error()};
  permit_ = std::move(permit);
  if (failed->is_for_another) {
    supervisor_.ReplaceBroken(*process);
    return EngineLost{.never_ran = true};
  }
  Error error{static_cast<ErrorKind>(failed->kind),
              Shortened(failed->message, protocol::kErrorBytesMax)};
  if (is_exhausted) return EngineLost{.error = std::move(error), .is_exhausted = true};
  if (failed->has_broken_engine) return EngineLost{.error = std::move(error), .is_broken = true};
  return error;
}

}  // namespace tarn::queryd
