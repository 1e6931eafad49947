#include "queryd/engine_query.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace tarn::queryd {

namespace asio = boost::asio;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr size_t kReadBytes = 64 * 1024;

}  // namespace

asio::awaitable<Result<std::optional<protocol::Frame>>> ReadFrame(EngineProcess::Slot& slot) {
  for (;;) {
    Result<std::optional<protocol::Frame>> frame = slot.reader.Next();
    if (!frame.ok() || *frame) co_return frame;
    const size_t room = std::max(kReadBytes, slot.reader.Missing());
    const auto [code, got] =
        co_await slot.socket.async_read_some(asio::buffer(slot.reader.Prepare(room), room), kTuple);
    slot.reader.Commit(got);
    if (code) co_return std::optional<protocol::Frame>();
  }
}

EngineQuery::EngineQuery(EngineSupervisor& supervisor, std::shared_ptr<Query> query,
                         Admission::Permit permit, EngineProcess::Lease lease)
    : supervisor_(supervisor),
      query_(std::move(query)),
      permit_(std::move(permit)),
      lease_(std::move(lease)) {
  query_->OnCancel([this] { lease_->slot().socket.cancel(); });
}

EngineQuery::~EngineQuery() {
  if (lease_) query_->OnCancel(nullptr);
  if (lease_) supervisor_.Abandon(std::move(*lease_), std::move(permit_), query_);
}

void EngineQuery::End() {
  query_->OnCancel(nullptr);
  lease_->Release();
  lease_.reset();
  permit_.Release();
}

asio::awaitable<bool> EngineQuery::Send(const protocol::Query& query) {
  EngineProcess::Slot& slot = lease_->slot();
  protocol::Query message = query;
  message.number = ++slot.query;
  const std::string frame = protocol::ToFrame(message);
  // Nearly always the socket takes it at once.
  boost::system::error_code code;
  const size_t sent = slot.socket.send(asio::buffer(frame), 0, code);
  if (code && code != asio::error::would_block) co_return false;
  if (!code && sent == frame.size()) co_return true;
  const size_t skip = code ? 0 : sent;
  // To the end even when the query is cancelled meanwhile: half a frame would break the stream.
  // The engine reads at once, it waits for nothing else.
  query_->OnCancel(nullptr);
  const auto [failed, rest] =
      co_await asio::async_write(slot.socket, asio::buffer(frame) + skip, kTuple);
  query_->OnCancel([this] { lease_->slot().socket.cancel(); });
  co_return !failed;
}

asio::awaitable<EngineEvent> EngineQuery::Next() {
  if (query_->cancel_reason()) co_return *query_->cancel_reason();
  const Result<std::optional<protocol::Frame>> frame = co_await ReadFrame(lease_->slot());
  if (query_->cancel_reason()) co_return *query_->cancel_reason();
  if (!frame.ok()) {
    lease_->process().Kill();
    co_return frame.error();
  }
  if (!*frame) {
    // Never given back: the process is going.
    query_->OnCancel(nullptr);
    lease_.reset();
    co_return EngineLost{};
  }
  co_return ToEvent(**frame);
}

EngineEvent EngineQuery::ToEvent(const protocol::Frame& frame) {
  using protocol::FrameType;
  if (frame.type == FrameType::kRows) {
    const Result<protocol::RowsHeader> header = protocol::ReadRowsHeader(frame.payload);
    if (!header.ok()) return header.error();
    return RowsRead{std::string(frame.payload.substr(protocol::RowsHeader::kBytes)), *header};
  }
  if (frame.type == FrameType::kEnd) {
    const Result<protocol::End> end = protocol::FromPayload<protocol::End>(frame.payload);
    End();
    if (!end.ok()) return end.error();
    return ResultSummary{.rows = end->rows, .truncated = end->truncated};
  }
  if (frame.type == FrameType::kFailed) {
    const Result<protocol::Failed> failed = protocol::FromPayload<protocol::Failed>(frame.payload);
    End();
    if (!failed.ok()) return failed.error();
    return Error{static_cast<ErrorKind>(failed->kind), failed->message};
  }
  lease_->process().Kill();
  return Internal("the engine sent what does not belong to a query");
}

}  // namespace tarn::queryd
