#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/object_store.h"

namespace tarn::engine {

struct EngineOptions {
  ObjectStore store;
  // Asked at each connection's bootstrap, so that new credentials reach new connections.
  std::function<Result<Credentials>()> credentials;
  // The packaged httpfs.duckdb_extension; where the file is missing, INSTALL is tried.
  std::string httpfs_path;
  size_t workers = 4;
  size_t queue_limit = 256;
  size_t result_buffer_bytes = 1024 * 1024;
};

// The engine in this process (see DuckEngine).
Result<std::unique_ptr<Engine>> OpenEngine(const EngineOptions& options);

}  // namespace tarn::engine
