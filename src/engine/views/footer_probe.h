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
#include "engine/views/probe_memory.h"
#include "engine/views/schema_cache.h"
#include "protocol/messages.h"
#include "s3/client.h"

namespace tarn::engine {

// Reads the columns of objects from their footers. DuckDB would need three requests for each
// object: its size, its last 8 bytes, and the footer. The probe needs one, on a connection that
// stays open. DuckDB then plans with the footer in memory.
//
// Not thread-safe.
class FooterProbe {
 public:
  // Opens the database for all probes. It reads only footers.
  static Result<duck::Database> OpenPlanner();

  static Result<FooterProbe> Make(const protocol::Setup& setup, const duck::Database& planner,
                                  std::shared_ptr<SchemaCache> schemas,
                                  std::shared_ptr<ProbeMemory> memory);

  struct Object {
    SchemaCache::Schema schema = {};
    std::string etag = {};  // The ETag of the object; empty for a file.
    // Indexes of the columns for which a filter in the scan is not safe. See docs/engine-faults.md.
    std::vector<uint32_t> guarded = {};
    ProbeMemory::Share memory = {};  // The memory of `guarded`.
    bool may_hide_nan = false;
    bool has_empty_names = false;  // A column or a field has an empty name.
  };
  // Functions that are called during a read. May be null.
  struct Hooks {
    // Called before a footer of more than 32 KiB is read. If it returns false, the read fails.
    std::function<bool(uint64_t footer_bytes)> may_read_long;
    // Called before DuckDB decodes the footer, once for each schema.
    std::function<void()> on_decoding;
  };

  // Returns the columns of an object. After an error that is not a refusal, the caller should let
  // DuckDB read the object, which succeeds or gives a better error message. The task must be in the
  // watchdog.
  Result<Object> Read(const std::string& key, WatchedTask& task, const Hooks& hooks = {});

  // True if the last Read failed because the footer is damaged or exceeds a limit. The error
  // message is for users, and DuckDB must not read the object.
  bool refused() const { return refused_; }

  // Returns kPrecondition if an object of a bucket has another ETag.
  Result<> CheckEtag(const std::string& key, const std::string& etag, const WatchedTask& task);

 private:
  FooterProbe(const protocol::Setup& setup, duck::Connection connection, duck::FooterFile footer,
              std::shared_ptr<SchemaCache> schemas, std::shared_ptr<ProbeMemory> memory);
  // Reads the footer into footer_ and returns the ETag.
  Result<std::string> Fetch(const std::string& key, const WatchedTask& task, const Hooks& hooks);
  Result<std::string> FetchFromBucket(const std::string& key, const WatchedTask& task,
                                      const Hooks& hooks);
  // Returns the columns of the footer in footer_.
  Result<Object> Decode(WatchedTask& task, const Hooks& hooks);
  Result<size_t> Put(std::string_view object_end);

  const protocol::ObjectStore store_;
  s3::Client client_;
  duck::Connection connection_;
  duck::FooterFile footer_;
  const std::shared_ptr<SchemaCache> schemas_;
  const std::shared_ptr<ProbeMemory> memory_;
  bool refused_ = false;
};

// Returns an object with unknown statistics and bloom filters.
FooterProbe::Object ToUnknownObject(SchemaCache::Schema schema, ProbeMemory& memory);

SchemaCache::Schema ToObjectSchema(const std::vector<duck::Statement::Column>& columns,
                                   ProbeMemory& memory);

}  // namespace tarn::engine
