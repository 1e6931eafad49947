#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "queryd/query/engine.h"
#include "queryd/query/query.h"
#include "queryd/query/statement.h"

namespace tarn::queryd {

class QueryService;

// The client of a query, as its wire knows it. Both functions may be null.
struct QueryClient {
  // Sets the function that is called once when the client disconnects, at once if it already has.
  std::function<void(std::function<void()>)> on_disconnect;
  // Ends the transfer in the middle of the result, even while a write is blocked.
  std::function<void()> abort;
};

// A query in the registry. Move-only; its destructor ends the query, unless it has already ended.
// Used on the query's executor.
class QueryHandle {
 public:
  QueryHandle(QueryService& service, std::shared_ptr<Query> query, QueryClient client);
  QueryHandle(QueryHandle&& other) noexcept = default;
  QueryHandle& operator=(QueryHandle&&) = delete;
  ~QueryHandle();

  Query& query() const { return *query_; }
  const std::shared_ptr<Query>& shared_query() const { return query_; }

 private:
  friend class ResultStream;

  QueryService* service_;
  std::shared_ptr<Query> query_;  // Null after a move.
  QueryClient client_;
  bool is_answered_ = false;  // A ResultStream holds the handle.
};

// A result as QueryService::Run returns it: the bytes read so far, and the source of the rest.
struct PartialResult {
  std::string bytes;
  ResultBegun begun;
  Compression compression = Compression::kNone;
  ResultSummary summary;            // For `bytes`; final if there is no rest.
  bool is_cached = false;           // From the result cache.
  bool is_stored = false;           // Now in the result cache.
  std::string tag;                  // Identifies a complete, repeatable result; otherwise empty.
  std::unique_ptr<EngineRun> rest;  // Null: `bytes` is everything.
};

// The encoded result of a query, piece by piece. Move-only; its destructor ends the query. Used on
// the query's executor.
class ResultStream {
 public:
  ResultStream(QueryHandle handle, PartialResult result);
  ResultStream(ResultStream&& other) noexcept = default;
  ResultStream& operator=(ResultStream&&) = delete;
  ~ResultStream() = default;

  // Returns the next bytes, or an empty text at the end and after it. An error means that the
  // result is broken: the client must see that the bytes so far are incomplete.
  boost::asio::awaitable<Result<std::string>> Next();

  // True if Next returns the whole result with its first call.
  bool IsComplete() const { return result_.rest == nullptr; }
  // The columns of the result. Empty if there are too many: see ResultBegun.
  const std::vector<ResultColumn>& columns() const { return result_.begun.columns; }
  // The rows returned so far; final after the end.
  const ResultSummary& summary() const { return result_.summary; }
  // The revision of the catalogue that the query saw; 0: unknown.
  uint64_t revision() const { return result_.begun.revision; }
  Compression compression() const { return result_.compression; }
  bool is_cached() const { return result_.is_cached; }
  bool is_stored() const { return result_.is_stored; }
  // Identifies the bytes of a complete, repeatable result; otherwise empty.
  const std::string& tag() const { return result_.tag; }

  // For tests.
  Query& query() const { return handle_.query(); }

  // Called when the client reads nothing: see Admission::Permit::NoteSlowReader.
  void NoteSlowReader();

 private:
  QueryHandle handle_;
  PartialResult result_;
  bool has_ended_ = false;
};

}  // namespace tarn::queryd
