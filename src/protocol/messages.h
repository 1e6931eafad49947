#pragma once

// The messages between queryd's front and its engine process, as plain values. On the wire each
// is one CBOR object (RFC 8949) in a frame of its type; the names of its fields are those here.
// Views follow behind the object of their message, each as an object of its own (RFC 8742): neither
// side builds a tree of all of them.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/format.h"
#include "protocol/frame.h"
#include "protocol/object_store.h"

namespace tarn::protocol {

// The most bytes of an error message, and of another text that says something of one process or one
// query. The engine cuts longer messages; the front cuts them again, because it does not trust the
// engine.
constexpr size_t kErrorBytesMax = 4096;

// A column of a dataset; its type as DuckDB writes it: "STRUCT(a INTEGER)[]".
struct Column {
  std::string name;
  std::string type;

  bool operator==(const Column&) const = default;
};

// Objects of a dataset whose columns have the same types; see catalog/schema_union.h.
struct ObjectGroup {
  std::vector<uint64_t> objects;  // Positions in ViewSpec::keys.
  std::vector<Column> columns;    // Those of the dataset, with the types of these objects.

  bool operator==(const ObjectGroup&) const = default;
};

// A column of a dataset that is in the keys of its objects; see catalog/partitions.h.
struct Partition {
  std::string name;
  std::string type;
  std::string key_name;

  bool operator==(const Partition&) const = default;
};

// The columns of a dataset, and how its objects are read as these.
struct DatasetSchema {
  std::vector<Column> columns;           // With the partitions, which come last. Empty: not known.
  std::vector<ObjectGroup> groups = {};  // Empty: all objects have the columns, in any order.
  std::vector<Partition> partitions = {};
  std::string key_prefix = {};  // The part of the keys before the partitions.
  // What users of the dataset should know of: a partition that is not a column, and why.
  std::vector<std::string> notes = {};
  // Faults of DuckDB 1.5.5 that the view avoids; see docs/engine-faults.md. Columns that must not
  // be compared in the scan, and whether statistics may hide NaN.
  std::vector<std::string> guarded = {};
  bool may_hide_nan = false;
  std::vector<std::string> etags = {};  // Of the objects, as probed; empty for a folder.

  bool operator==(const DatasetSchema&) const = default;
};

// A dataset as the engine shows it: a view over Parquet objects.
struct ViewSpec {
  // The version of all datasets that are pending: see ApplyViews.
  static constexpr uint64_t kPendingVersion = UINT64_MAX;

  std::string name;
  std::vector<std::string> keys;  // Within the bucket. At least one.
  DatasetSchema schema = {};
  // Why no query can read the dataset; else empty. Then nothing above but the name counts.
  std::string error = {};
  // `error` is temporary: the objects are still being read. Only in the engine.
  bool is_pending = false;
  // Of each key, as the catalogue has it, or empty; none where it has none at all.
  std::vector<std::string> etags = {};
  uint64_t version = 0;  // From 1; each view that the front ever puts has another one.
};

// A view that several parts of the front know, and none of them changes.
using ViewPointer = std::shared_ptr<const ViewSpec>;

// Whether the engine process gives up what it does not need; see queryd.sandbox.
enum class SandboxMode : uint8_t { kOff, kOn, kRequire };

// How deep parts of a statement, or of its values, may be nested: see the settings of these names.
struct DepthLimits {
  uint64_t nesting = 100;      // queryd.nesting_max
  uint64_t subqueries = 8;     // queryd.subquery_depth_max
  uint64_t expressions = 500;  // queryd.expression_depth_max
  uint64_t json = 1000;        // queryd.json_depth_max

  bool operator==(const DepthLimits&) const = default;
};

// The first message: all that an engine process has to know. Sizes are bytes.
struct Setup {
  static constexpr FrameType kType = FrameType::kSetup;
  ObjectStore store;
  Credentials credentials;
  std::string httpfs_path;  // httpfs.duckdb_extension; where it is missing, INSTALL is tried.
  uint64_t threads = 1;
  uint64_t memory_limit = 0;       // What DuckDB's buffers may take.
  uint64_t memory_hard_limit = 0;  // What the process may allocate at all; 0: no limit.
  std::string temp_directory;      // Where DuckDB spills; empty: nowhere.
  uint64_t temp_directory_limit = 0;
  uint64_t plan_cache_entries = 0;  // For each connection.
  // Sizes, ETags and footers that were read once are not asked for again: an object must not change
  // under its key as long as the process lives.
  bool cache_objects = false;
  bool allow_direct_reads = false;  // SQL may read what lies in the bucket, not only datasets.
  DepthLimits depths = {};
  uint64_t probes_max = 1;  // So many run at the same time.
  // Objects whose footer exceeds these are refused; see duck/footer_metadata.h.
  uint64_t footer_bytes_max = 64'000'000;
  uint64_t schema_depth_max = 64;
  // Views that are known to be good: they are made when a query first names them, so that a
  // process with very many of them is ready at once.
  std::vector<ViewSpec> views;
  std::vector<std::string> pending;  // See ApplyViews.
  uint64_t revision = 0;             // Of the catalogue, which has these views; 0: not known.
  bool only_probes = false;  // The process reads footers, and takes neither queries nor views.
  SandboxMode sandbox = SandboxMode::kOn;
  std::string log_program;
  bool log_json = false;
  int log_level = 0;
  bool tls_verify = true;   // Whether the store's certificate is checked.
  std::string tls_ca_path;  // The CAs that may have signed it; empty: those of the system.
};

// Reads the metadata of all objects of a view that is to be, and changes nothing. Answered by
// Probed, after some ProbeProgress; a new one of the same dataset ends the former with kCancelled.
struct Probe {
  static constexpr FrameType kType = FrameType::kProbe;
  uint64_t ticket = 0;
  ViewSpec view;
  std::string owner;              // Datasets take turns between their owners.
  int64_t object_timeout_ms = 0;  // For each object.
  bool is_retry = false;          // The last probe of the dataset failed; others take precedence.
  bool is_first = false;          // A query waits for the dataset: see Hurry.
  // Only compares the objects' ETags with those of the view. The answer is an empty schema, or
  // kPrecondition if an object has another ETag.
  bool only_etags = false;
};

// Another revision of the catalogue: each query sees all of it, or nothing. Reads no objects.
// Answered by ViewsApplied.
struct ApplyViews {
  static constexpr FrameType kType = FrameType::kApplyViews;
  uint64_t ticket = 0;
  uint64_t revision = 0;
  std::vector<ViewSpec> put;      // New, or in the place of those that have their name.
  std::vector<std::string> drop;  // It is no error when one is not there.
  // Datasets whose objects have not been read yet. Queries of them wait for a while, then fail.
  std::vector<std::string> pending = {};
};

// Ends the query of a slot, when it is still the one that is meant.
struct Cancel {
  static constexpr FrameType kType = FrameType::kCancel;
  uint64_t slot = 0;
  uint64_t query = 0;
};

// The engine takes queries.
struct Ready {
  static constexpr FrameType kType = FrameType::kReady;
  std::string error;    // Why it cannot start; empty: it has.
  std::string version;  // Of what runs the SQL: "DuckDB v1.5.5".
  std::string sandbox;  // "landlock=7 seccomp=on"; empty: it is off.
  // What the sandbox should keep from the engine and does not, mostly for lack of a newer kernel;
  // empty: nothing.
  std::string sandbox_missing;
};

// The progress of a probe, sent at intervals.
struct ProbeProgress {
  static constexpr FrameType kType = FrameType::kProbeProgress;
  uint64_t ticket = 0;
  uint64_t objects_read = 0;
};

// DuckDB begins or ends to decode the footer of an object. If the process ends in between, the
// object is a suspect.
struct Decoding {
  static constexpr FrameType kType = FrameType::kDecoding;
  uint64_t ticket = 0;
  uint64_t object = 0;  // Its position in the view's keys.
  bool has_ended = false;
};

// A query waits for a dataset that is being probed, which is to be read before the others.
struct Hurry {
  static constexpr FrameType kType = FrameType::kHurry;
  std::string dataset;
};

struct Probed {
  static constexpr FrameType kType = FrameType::kProbed;
  uint64_t ticket = 0;
  bool ok = false;
  int error_kind = 0;
  std::string error;
  DatasetSchema schema;
};

// Queries that come from now on see the change.
struct ViewsApplied {
  static constexpr FrameType kType = FrameType::kViewsApplied;
  uint64_t ticket = 0;
};

// How far a query is; sent every now and then while it runs.
struct Progress {
  static constexpr FrameType kType = FrameType::kProgress;
  uint64_t slot = 0;
  uint64_t query = 0;
  int permille = 0;  // How far it is.
};

// What the process keeps of objects that it has read; sent every now and then. DuckDB gives it up
// where queries need the memory.
struct Cached {
  static constexpr FrameType kType = FrameType::kCached;
  uint64_t data_bytes = 0;
};

// The process should be replaced: it answers, but something in it is broken.
struct Unhealthy {
  static constexpr FrameType kType = FrameType::kUnhealthy;
  std::string reason;
  // Queries fail in it. Else it may only be worse than a new one.
  bool broken = false;
  // The replacement can wait for one that is under way: only memory may have leaked.
  bool can_wait = false;
};

struct Query {
  static constexpr FrameType kType = FrameType::kQuery;
  uint64_t number = 0;  // Of the queries of this slot; for Cancel.
  std::string id;       // Names it in the log.
  std::string sql;
  std::string params;  // A JSON list or object; empty: none.
  Format format = Format::kJson;
  Compression compression = Compression::kNone;
  bool quote_big_numbers = false;
  uint64_t row_limit = 0;   // 0: none.
  uint64_t byte_limit = 0;  // Of the encoded rows before compression; 0: none.
};

// A dataset that a query reads, by the version of its view.
struct DatasetRead {
  std::string name;
  uint64_t version = 0;
};

// The query will not fail for what the catalogue has. What it reads is fixed from here on.
struct Begun {
  static constexpr FrameType kType = FrameType::kBegun;
  uint64_t revision = 0;  // Of the catalogue that it sees; 0: not known.
  // Its result depends on nothing but its text, its parameters and `reads`.
  bool is_repeatable = false;
  std::vector<DatasetRead> reads = {};
  // A query that reads more datasets does not tell them, and is not repeatable.
  static constexpr size_t kReadsMax = 100'000;
};

// What begins the payload of kRows, in place of CBOR; encoded bytes follow.
struct RowsHeader {
  static constexpr size_t kBytes = 9;
  uint64_t rows = 0;                             // Encoded so far, with those of this frame.
  Compression compression = Compression::kNone;  // Of all bytes of the result.
};
// The header of a frame with `bytes` encoded bytes, which are to be written behind it.
std::string RowsFrameHeader(const RowsHeader& header, size_t bytes);
// The error (kInternal) says why it is none.
Result<RowsHeader> ReadRowsHeader(std::string_view payload);

struct End {
  static constexpr FrameType kType = FrameType::kEnd;
  uint64_t rows = 0;
  bool truncated = false;
};

struct Failed {
  static constexpr FrameType kType = FrameType::kFailed;
  int kind = 0;  // An ErrorKind.
  std::string message;
  // The process could not run it, and another one can.
  bool is_for_another = false;
  // DuckDB failed while it ran, and refuses all further statements in this process.
  bool has_broken_engine = false;
};

// The message in its frame. `Message` is any struct here that has a kType.
template <class Message>
std::string ToFrame(const Message& message);
// The same for a message with these views in addition to its own.
std::string ToFrame(const Setup& message, const std::vector<ViewPointer>& more_views);
std::string ToFrame(const ApplyViews& message, const std::vector<ViewPointer>& more_views);

// Whether the receiver takes the frame: see PayloadBytesMax for its bytes; its items are limited
// too. For messages whose size depends on data.
bool IsWithinLimits(std::string_view frame);

// The error (kInternal) says which message cannot be read: a payload that ToFrame does not write,
// that has more items than a message of its type may have, or a kind of error
// that is none.
template <class Message>
Result<Message> FromPayload(std::string_view payload);

}  // namespace tarn::protocol
