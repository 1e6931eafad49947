#pragma once

// lakehouse.toml: the configuration file that all programs of a lakehouse share. Every program
// checks all sections.

#include <cstdint>
#include <string>
#include <vector>

#include "base/log.h"
#include "config/settings.h"

namespace tarn {

struct S3Settings {
  std::string endpoint;
  std::string region = "us-east-1";
  std::string bucket;
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  std::optional<bool> use_path_style;
  std::optional<bool> use_ssl;
};

// Whether the engine process gives up the rights that it does not need.
enum class SandboxUse : uint8_t { kOn, kOff, kRequire };

struct QuerydSettings {
  std::string bind = "127.0.0.1:3214";
  std::string catalogd_url;
  std::string catalogd_token_path;
  std::string secrets_path;
  std::string extension_dir;
  Duration refresh_every = std::chrono::seconds(30);
  Duration refresh_timeout = std::chrono::seconds(10);
  int64_t probes_max = 32;
  int64_t probed_datasets_max = 256;
  int64_t schema_bytes_max = 8'000'000;
  int64_t schemas_bytes_max = 0;
  int64_t probe_memory_limit = 0;
  int64_t footer_bytes_max = 64'000'000;
  int64_t schema_depth_max = 64;
  int64_t overwrite_checks_max = 1000;
  Duration shutdown_timeout = std::chrono::seconds(10);
  Duration query_timeout = std::chrono::minutes(5);
  Duration queue_timeout = std::chrono::seconds(10);
  Duration cancel_grace = std::chrono::seconds(2);
  Duration drain_timeout = std::chrono::minutes(5);
  int64_t engine_starts_burst = 5;
  Duration engine_start_interval = std::chrono::seconds(2);
  Duration quarantine_time = std::chrono::minutes(5);
  int64_t quarantine_entries_max = 1000;
  int64_t crashes_max = 10;
  int64_t suspect_queue_limit = 100;
  Duration suspect_queue_timeout = std::chrono::minutes(2);
  int64_t max_concurrent_queries = 0;
  int64_t max_concurrent_queries_per_token = 0;
  int64_t queue_limit = 256;
  int64_t queue_limit_per_token = 0;
  int64_t slow_readers_max = 0;
  int64_t slow_readers_max_per_token = 0;
  int64_t query_history = 1000;
  int64_t plan_cache_entries = 64;
  bool cache_objects = true;
  int64_t result_cache_bytes = 64 * 1000 * 1000;
  bool allow_direct_reads = false;
  int64_t nesting_max = 100;
  int64_t subquery_depth_max = 8;
  int64_t expression_depth_max = 500;
  int64_t json_depth_max = 1000;
  int64_t threads = 0;
  int64_t memory_limit = 0;
  int64_t memory_hard_limit = 0;
  int64_t engines_memory_limit = 0;
  int64_t scoped_engines_max = 4;
  int64_t scoped_memory_limit = 0;
  Duration scoped_idle_timeout = std::chrono::minutes(5);
  std::string temp_directory;
  int64_t temp_directory_limit = 10'000'000'000;
  int64_t row_limit = 0;
  int64_t byte_limit = 0;
  SandboxUse sandbox = SandboxUse::kOn;
  int64_t sql_body_bytes_max = 64 * 1024;
  int64_t result_buffer_bytes = 1024 * 1024;
};

// The maximum of catalogd.datasets_bytes_max, and the bytes by which a list of changes may exceed
// the size of all manifests. queryd reads every list within both.
inline constexpr int64_t kDatasetsBytesMax = 1'000'000'000;
inline constexpr int64_t kDeletionsBytesMax = 64'000'000;

struct CatalogdSettings {
  std::string bind = "127.0.0.1:3212";
  std::string data_dir = "catalog";
  Duration shutdown_timeout = std::chrono::seconds(10);
  int64_t body_bytes_max = 16 * 1024 * 1024;
  int64_t json_values_max = 500'000;
  int64_t datasets_bytes_max = 256'000'000;
  int64_t datasets_bytes_max_per_token = 0;
  int64_t datasets_max_per_token = 10'000;
  Duration wait_max = std::chrono::minutes(1);
  int64_t waiters_max = 500;
  int64_t list_streams_max = 16;
  Duration list_timeout = std::chrono::minutes(1);
  int64_t history_versions_max = 100;
  int64_t history_bytes_max_per_token = 256'000'000;
  Duration deleted_keep = std::chrono::hours(24 * 30);
};

// The Iceberg REST catalog of catalogd.
struct IcebergSettings {
  std::optional<bool> enabled;
  std::string name_space = "lake";
  std::string metadata_prefix = ".iceberg/";
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  std::string vended_access_key_id;
  std::string vended_secret_access_key;
  std::string vended_session_token;
  Duration snapshot_keep = std::chrono::hours(24);
  int64_t snapshots_max = 5;
  Duration load_timeout = std::chrono::minutes(1);
  int64_t loads_max = 4;
  int64_t workers = 8;
  int64_t footer_bytes_max = 16'000'000;
  int64_t footers_bytes_max = 128'000'000;
  int64_t footer_cache_bytes = 64'000'000;
  int64_t metadata_bytes_max = 16'000'000;
  int64_t tables_bytes_max = 1'000'000'000;
  int64_t table_cache_bytes = 64'000'000;
  int64_t old_objects_max = 100'000;
};

struct HttpSettings {
  Duration header_timeout = std::chrono::seconds(10);
  Duration idle_timeout = std::chrono::seconds(60);
  Duration body_timeout = std::chrono::seconds(30);
  Duration write_timeout = std::chrono::seconds(60);
  int64_t header_bytes_max = 16 * 1024;
  int64_t body_memory_max = 256'000'000;
  int64_t connections_max = 1024;
  int64_t connections_per_address_max = 0;
  int64_t reserved_connections = 16;
  Duration peer_log_interval = std::chrono::seconds(10);
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> allowed_origins;
};

struct AuthSettings {
  std::string tokens_path;
  bool allow_anonymous = false;
};

struct TlsSettings {
  std::string cert_path;
  std::string key_path;
  std::string ca_path;
  bool verify = true;
};

struct LogSettings {
  log::Format format = log::Format::kText;
  log::Level level = log::Level::kInfo;
  int64_t client_lines_per_second = 100;
};

struct LakehouseSettings {
  S3Settings s3;
  QuerydSettings queryd;
  CatalogdSettings catalogd;
  IcebergSettings iceberg;
  HttpSettings http;
  AuthSettings auth;
  TlsSettings tls;
  LogSettings log;

  SettingsTable Table();

  // Loads the file and then the environment; `defaults` apply to settings in neither. The error
  // names the file and lists all invalid settings.
  static Result<LakehouseSettings> Load(const std::string& path, LakehouseSettings defaults);
  static Result<LakehouseSettings> Load(const std::string& path) {
    return Load(path, LakehouseSettings());
  }
  // Loads only the environment.
  static Result<LakehouseSettings> FromEnvironment(LakehouseSettings defaults);
};

}  // namespace tarn
