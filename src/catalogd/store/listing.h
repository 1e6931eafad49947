#pragma once

#include <deque>
#include <optional>
#include <string>

#include "auth/identity.h"
#include "catalog/manifest.h"
#include "catalogd/store/database.h"

namespace tarn::catalogd {

// The response of GET /catalog/list, produced in pieces from one state of the database, so that
// memory grows neither with the catalogue nor with a manifest. Holds a read connection until its
// end. Used by one thread at a time; calls block on the disk.
class Listing {
 public:
  struct Query {
    catalog::Position position;     // The position of the response.
    std::optional<uint64_t> since;  // nullopt: the complete catalogue.
    auth::DatasetScope scope;
  };
  explicit Listing(Query query) : query_(std::move(query)) {}

  const Query& query() const { return query_; }

  // Starts to read from this database in its current transaction.
  Result<> Begin(SqliteDatabase& database);
  // Estimates the size of the response. Stops counting at a size above `bytes_max`. Reads no
  // contents. Call it after Begin and before Next.
  Result<uint64_t> EstimateBytes(uint64_t bytes_max);
  // Keeps the transaction for the lifetime of the listing.
  void Hold(ReaderPool::Reader reader) { reader_.emplace(std::move(reader)); }
  // Reads the complete response now, so that the database can be released.
  Result<> ReadAll();

  // Returns the next piece, with about `bytes` bytes unless it is the last one; nullopt at the end.
  Result<std::optional<std::string>> Next(size_t bytes);
  bool IsAtEnd() const { return part_ == Part::kEnd && ready_.empty(); }

 private:
  enum class Part { kHead, kManifests, kDeleted, kEnd };

  Result<> Append(std::string& out, size_t bytes);
  Result<bool> AppendManifests(std::string& out, size_t bytes);
  Result<> BeginManifest(std::string& out);
  // Appends a part of the current manifest.
  Result<> AppendContent(std::string& out, size_t bytes);
  Result<bool> AppendDeleted(std::string& out, size_t bytes);

  const Query query_;
  // Declared before the statements, which must be destroyed first.
  std::optional<ReaderPool::Reader> reader_;
  SqliteDatabase* database_ = nullptr;  // Set by Begin.
  std::optional<SqliteStatement> manifests_;
  std::optional<SqliteStatement> deleted_;
  // The manifest that is being written.
  struct Current {
    catalog::Manifest manifest;
    SqliteBlob content;
    size_t offset = 0;  // The position of the next bytes in the content.
  };
  std::optional<Current> current_;
  Part part_ = Part::kHead;
  bool is_first_ = true;  // The next item is the first of its JSON list.
  std::deque<std::string> ready_;
};

}  // namespace tarn::catalogd
