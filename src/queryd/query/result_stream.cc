#include "queryd/query/result_stream.h"

#include <utility>

#include "queryd/query/query_service.h"

namespace tarn::queryd {

namespace asio = boost::asio;

namespace {

Error DisconnectedError() { return {ErrorKind::kCancelled, "the client has disconnected"}; }

}  // namespace

QueryHandle::QueryHandle(QueryService& service, std::shared_ptr<Query> query, QueryClient client)
    : service_(&service), query_(std::move(query)), client_(std::move(client)) {
  if (!client_.on_disconnect) return;
  client_.on_disconnect([weak = std::weak_ptr<Query>(query_)] {
    if (const auto found = weak.lock()) found->Cancel(DisconnectedError());
  });
}

QueryHandle::~QueryHandle() {
  if (query_ == nullptr) return;
  query_->OnCut(nullptr);
  const Error end = is_answered_ ? DisconnectedError() : Internal("internal error");
  service_->Finish(*query_, query_->cancel_reason().value_or(end));
}

ResultStream::ResultStream(QueryHandle handle, PartialResult result)
    : handle_(std::move(handle)), result_(std::move(result)) {
  handle_.is_answered_ = true;
  // A client that reads nothing does not ask for the next bytes, so the cancel has to reach it.
  if (!IsComplete() && handle_.client_.abort) handle_.query().OnCut(handle_.client_.abort);
}

asio::awaitable<Result<std::string>> ResultStream::Next() {
  if (!result_.bytes.empty()) co_return std::exchange(result_.bytes, {});
  if (has_ended_ || IsComplete()) co_return std::string();
  Result<std::string> bytes = co_await handle_.service_->ReadOn(result_, handle_.query());
  has_ended_ = !bytes.ok() || bytes->empty();
  co_return bytes;
}

void ResultStream::NoteSlowReader() {
  if (result_.rest != nullptr) result_.rest->NoteSlowReader();
}

}  // namespace tarn::queryd
