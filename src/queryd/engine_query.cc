#include "queryd/engine_query.h"

#include <algorithm>
#include <boost/asio/write.hpp>

#include "http/awaitable.h"

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
        asio::buffer(slot.reader.Prepare(room), room), http::kAsTuple);
    slot.reader.Commit(got);
    if (code) co_return std::optional<protocol::Frame>();
  }
}

asio::awaitable<bool> SendUnsent(EngineProcess::Slot& slot) {
  const asio::const_buffer rest = asio::buffer(slot.unsent);
  const auto [code, sent] = co_await asio::async_write(slot.socket, rest, http::kAsTuple);
  slot.unsent.erase(0, sent);
  co_return !code;
}

bool IsLastWord(const protocol::Frame& frame) {
  return frame.type == protocol::FrameType::kEnd || frame.type == protocol::FrameType::kFailed;
}

EngineQuery::EngineQuery(EngineSupervisor& supervisor, std::shared_ptr<Query> query,
                         Admission::Permit permit, EngineProcess::Lease lease)
    : supervisor_(supervisor),
      query_(std::move(query)),
      permit_(std::move(permit)),
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
    // Its reader is slow, or has not come back: the slot does not wait for it.
    Abandon();
  }
}

void EngineQuery::Abandon() {
  query_->OnCancel(nullptr);
  supervisor_.Abandon(std::move(*lease_), std::move(permit_), query_);
  lease_.reset();
}

void EngineQuery::End() {
  query_->OnCancel(nullptr);
  lease_->Release();
  lease_.reset();
  permit_.Release();
}

void EngineQuery::Lose() {
  query_->OnCancel(nullptr);
  // Or the query's next try could get a slot of the same process, until that is reaped.
  lease_->process().Kill();
  lease_.reset();
}

asio::awaitable<bool> EngineQuery::Send(const protocol::Query& query) {
  EngineProcess::Slot& slot = lease_->slot();
  protocol::Query message = query;
  message.number = ++slot.query;
  slot.unsent = protocol::ToFrame(message);
  // Nearly always the socket takes it at once.
  boost::system::error_code code;
  const size_t sent = slot.socket.send(asio::buffer(slot.unsent), 0, code);
  slot.unsent.erase(0, code ? 0 : sent);
  bool taken = !code;
  if (code == asio::error::would_block || (taken && !slot.unsent.empty())) {
    waiting_ = true;
    taken = co_await SendUnsent(slot);
    waiting_ = false;
    // The rest is sent before the query is ended; Next tells the reason.
    if (query_->cancel_reason()) co_return true;
  }
  if (!taken) Lose();
  co_return taken;
}

asio::awaitable<EngineEvent> EngineQuery::Next() {
  if (query_->cancel_reason()) co_return *query_->cancel_reason();
  waiting_ = true;
  const Result<std::optional<protocol::Frame>> frame = co_await ReadFrame(lease_->slot());
  waiting_ = false;
  if (query_->cancel_reason()) {
    // The engine's last word may have come just before: nobody would find it again.
    if (frame.ok() && *frame && IsLastWord(**frame)) End();
    co_return *query_->cancel_reason();
  }
  if (!frame.ok()) {
    Lose();
    co_return frame.error();
  }
  if (!*frame) {
    Lose();
    co_return EngineLost{};
  }
  co_return ToEvent(**frame);
}

EngineEvent EngineQuery::ToEvent(const protocol::Frame& frame) {
  using protocol::FrameType;
  if (frame.type == FrameType::kRows) {
    const Result<protocol::RowsHeader> header = protocol::ReadRowsHeader(frame.payload);
    if (!header.ok()) {
      Lose();
      return header.error();
    }
    return RowsRead{std::string(frame.payload.substr(protocol::RowsHeader::kBytes)), *header};
  }
  if (frame.type == FrameType::kBegun) {
    const Result<protocol::Begun> begun = protocol::FromPayload<protocol::Begun>(frame.payload);
    if (begun.ok()) return *begun;
    Lose();
    return begun.error();
  }
  if (frame.type == FrameType::kEnd) {
    const Result<protocol::End> end = protocol::FromPayload<protocol::End>(frame.payload);
    End();
    if (!end.ok()) return end.error();
    return ResultSummary{.rows = end->rows, .truncated = end->truncated};
  }
  if (frame.type == FrameType::kFailed) {
    const Result<protocol::Failed> failed = protocol::FromPayload<protocol::Failed>(frame.payload);
    if (failed.ok() && failed->is_for_another) {
      query_->OnCancel(nullptr);
      supervisor_.ReplaceBroken(lease_->process());
      lease_->Release();
      lease_.reset();
      return EngineLost{.never_ran = true};
    }
    End();
    if (!failed.ok()) return failed.error();
    return Error{static_cast<ErrorKind>(failed->kind), failed->message};
  }
  Lose();
  return Internal("the engine sent what does not belong to a query");
}

}  // namespace tarn::queryd
