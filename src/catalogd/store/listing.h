#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <set>
#include <string>

#include "auth/identity.h"
#include "base/mutex.h"
#include "catalog/manifest.h"
#include "catalogd/store/database.h"

namespace tarn::catalogd {

class Listing;

// The listings that hold a transaction. Thread-safe.
class OpenListings {
 public:
  // Ends the listings that were opened at least `age` ago. Returns their number.
  size_t End(std::chrono::steady_clock::duration age);

 private:
  friend class Listing;
  void Add(Listing& listing);
  void Remove(Listing& listing);

  // Locked before the mutex of a listing.
  Mutex mutex_;
  std::set<Listing*> listings_ TARN_GUARDED_BY(mutex_);
};

// The response of GET /catalog/list, produced in pieces from one state of the database, so that
// memory grows neither with the catalogue nor with a manifest. Holds a read connection until its
// end. Used by one thread at a time, except that another thread may end it. Calls block on the
// disk.
class Listing {
 public:
  struct Query {
    catalog::Position position;     // The position of the response.
    std::optional<uint64_t> since;  // nullopt: the complete catalogue.
    auth::DatasetScope scope;
  };
  explicit Listing(Query query) : query_(std::move(query)) {}
  ~Listing();
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;

  const Query& query() const { return query_; }

  // Starts to read from this database in its current transaction.
  Result<> Begin(SqliteDatabase& database);
  // Estimates the size of the response. Stops counting at a size above `bytes_max`. Reads no
  // contents. Call it after Begin and before Next.
  Result<uint64_t> EstimateBytes(uint64_t bytes_max);
  // Keeps the transaction until the end of the listing, or until `listings` ends it.
  void Hold(ReaderPool::Reader reader, OpenListings& listings);
  // Reads the complete response now, so that the database can be released.
  Result<> ReadAll();

  // Returns the next piece, with about `bytes` bytes unless it is the last one; nullopt at the end.
  // kUnavailable if another thread has ended the listing.
  Result<std::optional<std::string>> Next(size_t bytes);
  bool IsAtEnd();

 private:
  friend class OpenListings;
  enum class Part { kHead, kManifests, kDeleted, kEnd };

  // Ends the listing and its transaction. Returns false if it holds none.
  bool End(std::chrono::steady_clock::time_point opened_before);
  // Releases the statements, then the transaction.
  void Release() TARN_REQUIRES(mutex_);
  Result<> Append(std::string& out, size_t bytes) TARN_REQUIRES(mutex_);
  Result<bool> AppendManifests(std::string& out, size_t bytes) TARN_REQUIRES(mutex_);
  Result<> BeginManifest(std::string& out) TARN_REQUIRES(mutex_);
  // Appends a part of the current manifest.
  Result<> AppendContent(std::string& out, size_t bytes) TARN_REQUIRES(mutex_);
  Result<bool> AppendDeleted(std::string& out, size_t bytes) TARN_REQUIRES(mutex_);

  const Query query_;
  OpenListings* listings_ = nullptr;  // Set by Hold.
  Mutex mutex_;
  std::chrono::steady_clock::time_point opened_ TARN_GUARDED_BY(mutex_);  // Set by Hold.
  bool is_ended_ TARN_GUARDED_BY(mutex_) = false;                         // By another thread.
  // Declared before the statements, which must be destroyed first.
  std::optional<ReaderPool::Reader> reader_ TARN_GUARDED_BY(mutex_);
  SqliteDatabase* database_ TARN_GUARDED_BY(mutex_) = nullptr;  // Set by Begin.
  std::optional<SqliteStatement> manifests_ TARN_GUARDED_BY(mutex_);
  std::optional<SqliteStatement> deleted_ TARN_GUARDED_BY(mutex_);
  // The manifest that is being written.
  struct Current {
    catalog::Manifest manifest;
    SqliteBlob content;
    size_t offset = 0;  // The position of the next bytes in the content.
  };
  std::optional<Current> current_ TARN_GUARDED_BY(mutex_);
  Part part_ TARN_GUARDED_BY(mutex_) = Part::kHead;
  // The next item is the first of its JSON list.
  bool is_first_ TARN_GUARDED_BY(mutex_) = true;
  std::deque<std::string> ready_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::catalogd
