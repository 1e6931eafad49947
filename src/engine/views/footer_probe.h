#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "duck/database.h"
#include "duck/footer_file.h"
#include "engine/connection/watchdog.h"
#include "engine/views/schema_cache.h"
#include "protocol/messages.h"
#include "s3/client.h"

namespace tarn::engine {

// Reads the columns of objects from their footers. DuckDB would ask for the size of each object,
// for its last 8 bytes, and for the footer; here all of that is one request, on a connection that
// is kept, and DuckDB plans over the footer in memory.
//
// Not thread-safe.
class FooterProbe {
 public:
  // The database for all probes. Nothing but footers is ever read through it.
  static Result<duck::Database> OpenPlanner();

  static Result<FooterProbe> Make(const protocol::Setup& setup, const duck::Database& planner,
                                  std::shared_ptr<SchemaCache> schemas);

  struct Object {
    SchemaCache::Schema schema = {};
    std::string etag = {};  // Of the footer that was read; empty for a file.
    // The names of columns that are not safe to compare in the scan; see
    // docs/engine-faults.md.
    std::vector<std::string> guarded = {};
    bool may_hide_nan = false;
    bool has_empty_names = false;  // Of columns or fields.
  };
  // Returns the columns of an object. After an error that is not a refusal, DuckDB, asked for the
  // object itself, can read it or has a message that is meant for people. The watchdog has the task
  // already.
  //
  // Calls `on_decoding` before DuckDB decodes the footer. It does so once for each schema.
  Result<Object> Read(const std::string& key, WatchedTask& task,
                      const std::function<void()>& on_decoding = nullptr);

  // Whether the last Read failed because the footer is damaged or exceeds a limit. Its error is
  // meant for people, and DuckDB must not read the object.
  bool refused() const { return refused_; }

  // kPrecondition if an object of a bucket has another ETag.
  Result<> CheckEtag(const std::string& key, const std::string& etag, const WatchedTask& task);

 private:
  FooterProbe(const protocol::Setup& setup, duck::Connection connection, duck::FooterFile footer,
              std::shared_ptr<SchemaCache> schemas);
  // Puts the footer into footer_ and returns the ETag.
  Result<std::string> Fetch(const std::string& key, const WatchedTask& task);
  Result<std::string> FetchFromBucket(const std::string& key, const WatchedTask& task);
  Result<size_t> Put(std::string_view object_end);

  const protocol::ObjectStore store_;
  s3::Client client_;
  duck::Connection connection_;
  duck::FooterFile footer_;
  const std::shared_ptr<SchemaCache> schemas_;
  bool refused_ = false;
};

// An object of whose statistics and bloom filters nothing is known.
FooterProbe::Object ToUnknownObject(SchemaCache::Schema schema);

SchemaCache::Schema ToObjectSchema(const std::vector<duck::Statement::Column>& columns);

}  // namespace tarn::engine
