#pragma once

// The messages between queryd's front and its engine process, as plain values. On the wire each is
// one CBOR list of its fields (RFC 8949) in a frame of its type; see cbor.h. Views follow their
// message, each as a sequence of items (RFC 8742).

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text_list.h"
#include "protocol/format.h"
#include "protocol/frame.h"
#include "protocol/object_store.h"

namespace tarn::protocol {

// The size limit of an error message, and of other texts about a process or a query. The engine
// shortens longer texts; the front shortens them again, because it does not trust the engine.
constexpr size_t kErrorBytesMax = 4096;

// A column of a dataset with its type in DuckDB's notation: "STRUCT(a INTEGER)[]".
struct Column {
  std::string name;
  std::string type;

  bool operator==(const Column&) const = default;
};

// Objects of a dataset with equal column types; see catalog/schema_union.h.
struct ObjectGroup {
  std::vector<uint64_t> objects;  // Indexes into ViewSpec::keys.
  std::vector<Column> columns;    // The dataset's columns with the types of these objects.

  bool operator==(const ObjectGroup&) const = default;
};

// A column of a dataset from the keys of its objects; see catalog/partitions.h.
struct Partition {
  std::string name;
  std::string type;
  std::string key_name;

  bool operator==(const Partition&) const = default;
};

// The columns of a dataset, and the rules to read its objects with them.
struct DatasetSchema {
  std::vector<Column> columns;           // Includes the partitions at the end. Empty: unknown.
  std::vector<ObjectGroup> groups = {};  // Empty: all objects have the columns, in any order.
  std::vector<Partition> partitions = {};
  std::string key_prefix = {};  // The part of the keys before the partitions.
  // Notes for users of the dataset, such as a partition that is not a column, and the reason.
  std::vector<std::string> notes = {};
  // Faults of DuckDB 1.5.5 that the view works around; see docs/engine-faults.md. `guarded` columns
  // must not be compared in the scan; `may_hide_nan`: statistics may hide NaN.
  std::vector<std::string> guarded = {};
  bool may_hide_nan = false;
  // The objects' ETags at the time of the probe; empty for a folder.
  TextList etags = {};

  bool operator==(const DatasetSchema&) const = default;
};

// A schema in one block of memory, as messages contain it. A column takes its name, its type and a
// few bytes. A column of a group takes two bytes if it is the same in the dataset.
std::string PackSchema(const DatasetSchema& schema);
// Reads the text of PackSchema only.
DatasetSchema UnpackSchema(std::string_view packed);

// The columns of a packed schema, without the rest of it. Takes little more memory than their
// texts.
class PackedColumns {
 public:
  // Reads the text of PackSchema only.
  explicit PackedColumns(std::string_view packed);

  size_t size() const { return texts_.size() / 2; }
  std::string_view Name(size_t column) const { return texts_[2 * column].substr(1); }
  std::string_view Type(size_t column) const { return texts_[2 * column + 1].substr(1); }

 private:
  TextList texts_;  // Each after a mark of one byte.
};

// A dataset as the engine presents it: a view over Parquet objects.
struct ViewSpec {
  // The version of all datasets that are pending: see ApplyViews.
  static constexpr uint64_t kPendingVersion = UINT64_MAX;

  std::string name;
  TextList keys;  // Within the bucket; at least one.
  DatasetSchema schema = {};
  // The schema, packed. Only in the front, which does not use `schema`; the engine unpacks it.
  std::string packed_schema = {};
  // The reason why the dataset cannot be read; else empty. With an error, only `name` is valid.
  std::string error = {};
  bool is_temporary = false;  // `error` may disappear without a change of the dataset.
  // The objects are still being read, and `error` says so. Only in the engine.
  bool is_pending = false;
  // One for each key, from the catalogue, or empty; none if the catalogue has none at all.
  TextList etags = {};
  uint64_t version = 0;  // From 1; unique for each view that the front sends.
};

// A view that several parts of the front share, and none of them changes.
using ViewPointer = std::shared_ptr<const ViewSpec>;

// The mode of the sandbox of the engine process; see queryd.sandbox.
enum class SandboxMode : uint8_t { kOff, kOn, kRequire };

// Limits for the nesting depth of statements and values, from the settings of these names.
struct DepthLimits {
  uint64_t nesting = 100;      // queryd.nesting_max
  uint64_t subqueries = 8;     // queryd.subquery_depth_max
  uint64_t expressions = 500;  // queryd.expression_depth_max
  uint64_t json = 1000;        // queryd.json_depth_max

  bool operator==(const DepthLimits&) const = default;
};

// The first message, which configures an engine process. Sizes are in bytes.
struct Setup {
  static constexpr FrameType kType = FrameType::kSetup;
  ObjectStore store;
  Credentials credentials;
  // The path of httpfs.duckdb_extension; if it is missing, INSTALL is tried.
  std::string httpfs_path;
  uint64_t threads = 1;
  uint64_t memory_limit = 0;       // For DuckDB's buffers.
  uint64_t memory_hard_limit = 0;  // For the whole process; 0: no limit.
  std::string temp_directory;      // For spilled data; empty: no spilling.
  uint64_t temp_directory_limit = 0;
  uint64_t plan_cache_entries = 0;  // For each connection.
  // Caches sizes, ETags and footers: an object must not change under its key during the lifetime of
  // the process.
  bool cache_objects = false;
  bool allow_direct_reads = false;  // SQL may read any object of the bucket, not only datasets.
  DepthLimits depths = {};
  uint64_t probes_max = 1;  // The maximum number of concurrent probes.
  // Limits for footers; see duck/footer_metadata.h.
  uint64_t footer_bytes_max = 64'000'000;
  uint64_t schema_depth_max = 64;
  // Views that are known to be valid. They are created when a query first names them, so that a
  // process with many views is ready at once.
  std::vector<ViewSpec> views;
  std::vector<std::string> pending;  // See ApplyViews.
  uint64_t revision = 0;             // The catalogue revision with these views; 0: unknown.
  bool only_probes = false;  // The process reads footers, and takes neither queries nor views.
  SandboxMode sandbox = SandboxMode::kOn;
  std::string log_program;
  bool log_json = false;
  int log_level = 0;
  bool tls_verify = true;   // Verify the store's certificate.
  std::string tls_ca_path;  // The trusted CAs; empty: the system's CAs.
};

// Reads the metadata of all objects of a new view without changing any state. The response is
// Probed, after any number of ProbeProgress. A new probe of the same dataset ends the previous one
// with kCancelled.
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

// Changes the views to another revision of the catalogue, atomically for each query. Reads no
// objects. The response is ViewsApplied.
struct ApplyViews {
  static constexpr FrameType kType = FrameType::kApplyViews;
  uint64_t ticket = 0;
  uint64_t revision = 0;
  std::vector<ViewSpec> put;      // New views, and replacements of views of the same name.
  std::vector<std::string> drop;  // Names without a view are not an error.
  // Datasets whose objects have not been read yet. Queries of them wait for a while, then fail.
  std::vector<std::string> pending = {};
};

// Cancels a slot's query if it is still the one with this number.
struct Cancel {
  static constexpr FrameType kType = FrameType::kCancel;
  uint64_t slot = 0;
  uint64_t query = 0;
};

// The engine accepts queries, or has failed to start.
struct Ready {
  static constexpr FrameType kType = FrameType::kReady;
  std::string error;    // Empty on success.
  std::string version;  // The version of the SQL engine: "DuckDB v1.5.5".
  std::string sandbox;  // "landlock=7 seccomp=on"; empty: off.
  // The parts of the sandbox that are unavailable, usually because of an old kernel; may be empty.
  std::string sandbox_missing;
};

// The progress of a probe, sent at intervals.
struct ProbeProgress {
  static constexpr FrameType kType = FrameType::kProbeProgress;
  uint64_t ticket = 0;
  uint64_t objects_read = 0;
};

// DuckDB starts or ends to decode the footer of an object. If the process crashes in between, the
// object is a suspect.
struct Decoding {
  static constexpr FrameType kType = FrameType::kDecoding;
  uint64_t ticket = 0;
  uint64_t object = 0;  // Its index in the view's keys.
  bool has_ended = false;
};

// A query waits for a dataset that is being probed, which takes precedence over others.
struct Hurry {
  static constexpr FrameType kType = FrameType::kHurry;
  std::string dataset;
};

struct Probed {
  static constexpr FrameType kType = FrameType::kProbed;
  // The maximum for the columns of the dataset and of all its groups together.
  static constexpr size_t kColumnsMax = 1'000'000;
  uint64_t ticket = 0;
  bool ok = false;
  int error_kind = 0;
  std::string error;
  DatasetSchema schema;
};

// New queries see the change.
struct ViewsApplied {
  static constexpr FrameType kType = FrameType::kViewsApplied;
  uint64_t ticket = 0;
};

// The progress of a running query, sent at intervals.
struct Progress {
  static constexpr FrameType kType = FrameType::kProgress;
  uint64_t slot = 0;
  uint64_t query = 0;
  int permille = 0;  // The progress in permille.
};

// The size of the process's object cache, sent at intervals. DuckDB evicts it if queries need the
// memory.
struct Cached {
  static constexpr FrameType kType = FrameType::kCached;
  uint64_t data_bytes = 0;
};

// The process still responds, but should be replaced.
struct Unhealthy {
  static constexpr FrameType kType = FrameType::kUnhealthy;
  std::string reason;
  // Queries fail in the process. If false, the process still works.
  bool broken = false;
  // The replacement can wait until another process has ended, because the only possible damage is
  // leaked memory.
  bool can_wait = false;
};

struct Query {
  static constexpr FrameType kType = FrameType::kQuery;
  uint64_t number = 0;  // Counts the queries of this slot; for Cancel.
  std::string id;       // For the log.
  std::string sql;
  std::string params;  // A JSON list or object; empty: none.
  Format format = Format::kJson;
  Compression compression = Compression::kNone;
  bool quote_big_numbers = false;
  uint64_t row_limit = 0;   // 0: no limit.
  uint64_t byte_limit = 0;  // For the encoded rows before compression; 0: no limit.
  // Sends Begun before the statement runs, so that the columns come before the first row. Begun has
  // to wait for the first row if there are parameters, because their values decide the columns.
  // Otherwise it is sent with the first rows.
  bool begins_at_once = false;
  // Only prepares the statement, without values for its parameters. The answer is Begun and End.
  bool only_describe = false;
};

// A dataset that a query reads, with the version of its view.
struct DatasetRead {
  std::string name;
  uint64_t version = 0;
};

// The query is bound: the datasets and versions that it reads are fixed, and so are the columns of
// its result.
struct Begun {
  static constexpr FrameType kType = FrameType::kBegun;
  uint64_t revision = 0;  // The catalogue revision that the query sees; 0: unknown.
  // The result depends only on the text, the parameters and `reads`.
  bool is_repeatable = false;
  std::vector<DatasetRead> reads = {};
  // A query with more datasets sends none and is not repeatable.
  static constexpr size_t kReadsMax = 100'000;
  // Empty if there are too many, or if they depend on values that a description does not have.
  std::vector<Column> columns = {};
  // Only for a description: the names without their $, or the numbers from 1. The type is empty if
  // any value fits.
  std::vector<Column> parameters = {};
  // Limits for the columns, and for the parameters. The bytes are those of the names and types.
  static constexpr size_t kColumnsMax = 50'000;
  static constexpr size_t kColumnBytesMax = 4'000'000;
};
// True if a message can have these columns.
bool AreWithinLimits(const std::vector<Column>& columns);

// The start of the payload of kRows, instead of CBOR. The encoded bytes follow.
struct RowsHeader {
  static constexpr size_t kBytes = 9;
  uint64_t rows = 0;                             // Rows encoded so far, including this frame.
  Compression compression = Compression::kNone;  // The compression of the whole result.
};
// The header of a frame with `bytes` encoded bytes, which are written separately.
std::string RowsFrameHeader(const RowsHeader& header, size_t bytes);
// The error (kInternal) has the reason.
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
  // The process could not run the query, but another process can.
  bool is_for_another = false;
  // DuckDB failed while it ran, and refuses all further statements in this process.
  bool has_broken_engine = false;
  // Memory ran out while it ran beside others, even if it was cancelled before.
  bool has_exhausted_memory = false;
};

// Encodes a message with its frame. `Message` is any struct with a kType in this file.
template <class Message>
std::string ToFrame(const Message& message);
// The same for a message with these views in addition to its own.
std::string ToFrame(const Setup& message, const std::vector<ViewPointer>& more_views);
std::string ToFrame(const ApplyViews& message, const std::vector<ViewPointer>& more_views);

// True if the receiver accepts the frame: its payload size (PayloadBytesMax) and its number of
// items are within the limits. For messages whose size depends on data.
bool IsWithinLimits(std::string_view frame);
// The same for the number of columns, which are one item.
bool IsWithinLimits(const DatasetSchema& schema);

// Decodes a message. The error (kInternal) names the message: its payload is not in the format of
// ToFrame, has too many items for its type, or has an unknown error kind.
template <class Message>
Result<Message> FromPayload(std::string_view payload);

}  // namespace tarn::protocol
