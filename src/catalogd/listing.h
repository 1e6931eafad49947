#pragma once

#include <deque>
#include <optional>
#include <string>

#include "auth/identity.h"
#include "catalog/manifest.h"
#include "catalogd/database.h"

namespace tarn::catalogd {

// The answer of GET /catalog/list, made piece by piece from one state of the database, so that
// memory does not grow with the catalogue. Holds a connection that reads until it ends. Used by one
// thread at a time; calls block on the disk.
class Listing {
 public:
  struct What {
    catalog::Position position;     // What the answer says that it is as of.
    std::optional<uint64_t> since;  // None: the whole catalogue.
    auth::DatasetScope scope;
  };
  explicit Listing(What what) : what_(std::move(what)) {}

  const What& what() const { return what_; }

  // Next reads from this database, in its transaction.
  Result<> Begin(SqliteDatabase& database);
  // Keeps the transaction for as long as this lives.
  void Hold(ReaderPool::Reader reader) { reader_.emplace(std::move(reader)); }
  // Reads all of it now: the database may be another's afterwards.
  Result<> ReadAll();

  // Some of the answer, about this size at least unless it is the rest; none at its end.
  Result<std::optional<std::string>> Next(size_t bytes);
  bool AtEnd() const { return part_ == Part::kEnd && ready_.empty(); }

 private:
  enum class Part { kHead, kManifests, kDeleted, kEnd };

  Result<> Append(std::string& out, size_t bytes);
  Result<bool> AppendManifests(std::string& out, size_t bytes);
  Result<bool> AppendDeleted(std::string& out, size_t bytes);

  const What what_;
  std::optional<ReaderPool::Reader> reader_;  // Before the statements, which end first.
  std::optional<SqliteStatement> manifests_;
  std::optional<SqliteStatement> deleted_;
  Part part_ = Part::kHead;
  bool is_first_ = true;  // Of a JSON list's items.
  std::deque<std::string> ready_;
};

}  // namespace tarn::catalogd
