#include "protocol/messages.h"

#include <fmt/format.h>

#include <limits>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "base/log.h"
#include "protocol/cbor.h"

namespace tarn {

constexpr Format LastOf(Format /*unused*/) { return Format::kArrow; }
constexpr Compression LastOf(Compression /*unused*/) { return Compression::kZstd; }

}  // namespace tarn

namespace tarn::protocol {

namespace {

// The texts of a packed column: "" where the text is that of the same column of the dataset, else
// the text after this mark.
constexpr char kOwnText = ':';

void AppendText(std::string_view text, const std::string* known, TextList::Builder& out) {
  if (known != nullptr && *known == text) return out.Add("");
  out.Add(kOwnText + std::string(text));
}

// The names and types of columns. `known`: the columns of the dataset; empty: all texts are
// written.
TextList PackColumns(const std::vector<Column>& columns, const std::vector<Column>& known) {
  TextList::Builder texts;
  for (size_t i = 0; i < columns.size(); ++i) {
    const Column* const same = i < known.size() ? &known[i] : nullptr;
    AppendText(columns[i].name, same == nullptr ? nullptr : &same->name, texts);
    AppendText(columns[i].type, same == nullptr ? nullptr : &same->type, texts);
  }
  return texts.Build();
}

bool UnpackColumns(const TextList& texts, const std::vector<Column>& known,
                   std::vector<Column>& columns) {
  if (texts.size() % 2 != 0) return false;
  if (known.empty() && texts.size() / 2 > Probed::kColumnsMax) return false;
  columns.resize(texts.size() / 2);
  const auto take = [&](size_t text, const std::string* same, std::string& out) {
    if (texts[text].empty()) {
      if (same != nullptr) out = *same;
      return same != nullptr;
    }
    if (texts[text].front() != kOwnText) return false;
    out = texts[text].substr(1);
    return true;
  };
  for (size_t i = 0; i < columns.size(); ++i) {
    const Column* const same = i < known.size() ? &known[i] : nullptr;
    if (!take(2 * i, same == nullptr ? nullptr : &same->name, columns[i].name)) return false;
    if (!take(2 * i + 1, same == nullptr ? nullptr : &same->type, columns[i].type)) return false;
  }
  return true;
}

}  // namespace

// --- The fields of each message in their order on the wire

constexpr SandboxMode LastOf(SandboxMode /*unused*/) { return SandboxMode::kRequire; }

#define TARN_FIELDS(Message, ...) \
  auto Fields(SameAs<Message> auto& m) { return std::tie(__VA_ARGS__); }

TARN_FIELDS(ObjectStore, m.is_folder, m.root, m.host, m.region, m.use_ssl, m.use_path_style)
TARN_FIELDS(Credentials, m.access_key_id, m.secret_access_key, m.session_token)
TARN_FIELDS(Partition, m.name, m.type, m.key_name)
TARN_FIELDS(DatasetRead, m.name, m.version)
TARN_FIELDS(DepthLimits, m.nesting, m.subqueries, m.expressions, m.json)
TARN_FIELDS(Setup, m.store, m.credentials, m.httpfs_path, m.threads, m.memory_limit,
            m.memory_hard_limit, m.temp_directory, m.temp_directory_limit, m.plan_cache_entries,
            m.cache_objects, m.allow_direct_reads, m.depths, m.probes_max, m.footer_bytes_max,
            m.schema_depth_max, m.pending, m.revision, m.only_probes, m.sandbox, m.log_program,
            m.log_json, m.log_level, m.tls_verify, m.tls_ca_path)
TARN_FIELDS(Probe, m.ticket, m.view, m.owner, m.object_timeout_ms, m.is_retry, m.is_first,
            m.only_etags)
TARN_FIELDS(ApplyViews, m.ticket, m.revision, m.drop, m.pending)
TARN_FIELDS(Cancel, m.slot, m.query)
TARN_FIELDS(Ready, m.error, m.version, m.sandbox, m.sandbox_missing)
TARN_FIELDS(ProbeProgress, m.ticket, m.objects_read)
TARN_FIELDS(Decoding, m.ticket, m.object, m.has_ended)
TARN_FIELDS(Hurry, m.dataset)
TARN_FIELDS(Probed, m.ticket, m.ok, m.error_kind, m.error, m.schema)
TARN_FIELDS(ViewsApplied, m.ticket)
TARN_FIELDS(Progress, m.slot, m.query, m.permille)
TARN_FIELDS(Unhealthy, m.reason, m.broken, m.can_wait)
TARN_FIELDS(Cached, m.data_bytes)
TARN_FIELDS(Query, m.number, m.id, m.sql, m.params, m.format, m.compression, m.quote_big_numbers,
            m.row_limit, m.byte_limit, m.begins_at_once, m.only_describe)
TARN_FIELDS(End, m.rows, m.truncated)
TARN_FIELDS(Failed, m.kind, m.message, m.is_for_another, m.has_broken_engine,
            m.has_exhausted_memory)
#undef TARN_FIELDS

namespace {

// Whether the columns of groups leave out the texts that the dataset has.
enum class SchemaForm : uint8_t { kComplete, kPacked };

// A schema without its columns and groups, whose form differs.
auto OtherFields(SameAs<DatasetSchema> auto& schema) {
  return std::tie(schema.partitions, schema.key_prefix, schema.notes, schema.guarded,
                  schema.may_hide_nan, schema.etags);
}

void WriteSchema(const DatasetSchema& schema, SchemaForm form, CborWriter& out) {
  const std::vector<Column> none;
  const std::vector<Column>& known = form == SchemaForm::kPacked ? schema.columns : none;
  out.Write(PackColumns(schema.columns, none));
  out.List(schema.groups.size());
  for (const ObjectGroup& group : schema.groups) {
    out.Write(group.objects);
    out.Write(PackColumns(group.columns, known));
  }
  std::apply([&out](const auto&... field) { (out.Write(field), ...); }, OtherFields(schema));
}

bool ReadColumns(CborReader& in, const std::vector<Column>& known, std::vector<Column>& columns) {
  TextList texts;
  return in.Read(texts) && UnpackColumns(texts, known, columns);
}

bool ReadSchema(CborReader& in, SchemaForm form, DatasetSchema& schema) {
  const std::vector<Column> none;
  uint64_t groups = 0;
  if (!ReadColumns(in, none, schema.columns) || !in.List(groups)) return false;
  const std::vector<Column>& known = form == SchemaForm::kPacked ? schema.columns : none;
  size_t columns = schema.columns.size();
  for (; groups > 0; --groups) {
    ObjectGroup& group = schema.groups.emplace_back();
    if (!in.Read(group.objects) || !ReadColumns(in, known, group.columns)) return false;
    columns += group.columns.size();
    if (form == SchemaForm::kComplete && columns > Probed::kColumnsMax) return false;
  }
  return std::apply([&in](auto&... field) { return (in.Read(field) && ...); }, OtherFields(schema));
}

}  // namespace

// Complete, because texts that are left out would let a small message take much memory.
template <>
struct CborForm<DatasetSchema> {
  static void Write(const DatasetSchema& schema, CborWriter& out) {
    WriteSchema(schema, SchemaForm::kComplete, out);
  }
  static bool Read(CborReader& in, DatasetSchema& schema) {
    return ReadSchema(in, SchemaForm::kComplete, schema);
  }
};

std::string PackSchema(const DatasetSchema& schema) {
  std::string packed;
  CborWriter out(packed);
  WriteSchema(schema, SchemaForm::kPacked, out);
  packed.shrink_to_fit();
  return packed;
}

DatasetSchema UnpackSchema(std::string_view packed) {
  DatasetSchema schema;
  CborReader in(packed, packed.size());
  if (!ReadSchema(in, SchemaForm::kPacked, schema) || !in.rest().empty()) {
    throw std::invalid_argument("not a packed schema");
  }
  return schema;
}

PackedColumns::PackedColumns(std::string_view packed) {
  CborReader in(packed, packed.size());
  if (!in.Read(texts_)) throw std::invalid_argument("not a packed schema");
}

template <>
struct CborForm<ViewSpec> {
  static auto OtherFields(SameAs<ViewSpec> auto& view) {
    return std::tie(view.name, view.keys, view.error, view.is_temporary, view.etags, view.version);
  }
  static void Write(const ViewSpec& view, CborWriter& out) {
    std::apply([&out](const auto&... field) { (out.Write(field), ...); }, OtherFields(view));
    out.Bytes(view.packed_schema.empty() ? PackSchema(view.schema) : view.packed_schema);
  }
  static bool Read(CborReader& in, ViewSpec& view) {
    std::string_view packed;
    const auto read = [&in](auto&... field) { return (in.Read(field) && ...); };
    if (!std::apply(read, OtherFields(view)) || !in.Bytes(packed)) return false;
    CborReader schema(packed, packed.size());
    return ReadSchema(schema, SchemaForm::kPacked, view.schema) && schema.rest().empty();
  }
};

template <>
struct CborForm<Begun> {
  static auto OtherFields(SameAs<Begun> auto& begun) {
    return std::tie(begun.revision, begun.is_repeatable, begun.reads);
  }
  static void Write(const Begun& begun, CborWriter& out) {
    std::apply([&out](const auto&... field) { (out.Write(field), ...); }, OtherFields(begun));
    out.Write(PackColumns(begun.columns, {}));
    out.Write(PackColumns(begun.parameters, {}));
  }
  static bool Read(CborReader& in, Begun& begun) {
    const auto read_columns = [&in](std::vector<Column>& columns) {
      TextList texts;
      return in.Read(texts) && texts.size() / 2 <= Begun::kColumnsMax &&
             UnpackColumns(texts, {}, columns) && AreWithinLimits(columns);
    };
    const auto read = [&in](auto&... field) { return (in.Read(field) && ...); };
    return std::apply(read, OtherFields(begun)) && read_columns(begun.columns) &&
           read_columns(begun.parameters);
  }
};

namespace {

// The views of a message that has some; see the top of messages.h.
template <class Message>
auto* ViewsOf(Message& message) {
  if constexpr (requires { message.views; }) {
    return &message.views;
  } else if constexpr (requires { message.put; }) {
    return &message.put;
  } else {
    return static_cast<std::vector<ViewSpec>*>(nullptr);
  }
}

template <class Message>
std::string MakeFrame(const Message& message, const std::vector<ViewPointer>& more_views) {
  std::string frame;
  AppendFrameHeader(Message::kType, 0, frame);
  CborWriter out(frame);
  out.Write(message);
  if (const auto* views = ViewsOf(message)) {
    for (const ViewSpec& view : *views) out.Write(view);
  }
  for (const ViewPointer& view : more_views) out.Write(*view);
  // The header again, now with the size.
  std::string header;
  AppendFrameHeader(Message::kType, frame.size() - kFrameHeaderBytes, header);
  frame.replace(0, header.size(), header);
  return frame;
}

}  // namespace

template <class Message>
std::string ToFrame(const Message& message) {
  return MakeFrame(message, {});
}

std::string ToFrame(const Setup& message, const std::vector<ViewPointer>& more_views) {
  return MakeFrame(message, more_views);
}

std::string ToFrame(const ApplyViews& message, const std::vector<ViewPointer>& more_views) {
  return MakeFrame(message, more_views);
}

namespace {

// The maximum number of CBOR items of a message. An item can be a single byte, and take the memory
// of a text or of a DatasetRead.
constexpr size_t ItemsMax(FrameType type) {
  switch (type) {
    case FrameType::kSetup:
    case FrameType::kProbe:
    case FrameType::kApplyViews:
      return std::numeric_limits<size_t>::max();  // Sent by the front, which the engine trusts.
    case FrameType::kProbed:
      return 4'000'000;  // The index of each of 1,000,000 objects in its group, and the groups.
    case FrameType::kBegun:
      return 3 * Begun::kReadsMax + 10;
    default:
      return 50;  // The fields of a small message.
  }
}

// Checks numbers that represent enumerators.
template <class Message>
bool HasValidEnumerators(const Message& /*message*/) {
  return true;
}
template <>
bool HasValidEnumerators(const Failed& message) {
  return IsErrorKind(message.kind);
}
template <>
bool HasValidEnumerators(const Probed& message) {
  return IsErrorKind(message.error_kind);
}
template <>
bool HasValidEnumerators(const Setup& message) {
  return log::IsLevel(message.log_level);
}

}  // namespace

template <class Message>
Result<Message> FromPayload(std::string_view payload) {
  const auto error = [](std::string_view what) {
    return Internal(fmt::format("message {}: {}", static_cast<int>(Message::kType), what));
  };
  CborReader in(payload, ItemsMax(Message::kType));
  Message message;
  if (!in.Read(message)) return error("unexpected format");
  if (!HasValidEnumerators(message)) return error("a number is out of range");
  auto* const views = ViewsOf(message);
  while (!in.rest().empty()) {
    if (views == nullptr || !in.Read(views->emplace_back())) return error("unexpected format");
  }
  return message;
}

bool AreWithinLimits(const std::vector<Column>& columns) {
  size_t bytes = 0;
  for (const Column& column : columns) bytes += column.name.size() + column.type.size();
  return columns.size() <= Begun::kColumnsMax && bytes <= Begun::kColumnBytesMax;
}

bool IsWithinLimits(const DatasetSchema& schema) {
  size_t columns = schema.columns.size();
  for (const ObjectGroup& group : schema.groups) columns += group.columns.size();
  return columns <= Probed::kColumnsMax;
}

bool IsWithinLimits(std::string_view frame) {
  const auto type = static_cast<FrameType>(frame[kFrameHeaderBytes - 1]);
  const std::string_view payload = frame.substr(kFrameHeaderBytes);
  return payload.size() <= PayloadBytesMax(Channel::kAny, type).value_or(0) &&
         CborReader(payload, SIZE_MAX).CountItems() <= ItemsMax(type);
}

#define TARN_MESSAGE(Message)                   \
  template std::string ToFrame(const Message&); \
  template Result<Message> FromPayload(std::string_view)
TARN_MESSAGE(Setup);
TARN_MESSAGE(Probe);
TARN_MESSAGE(ApplyViews);
TARN_MESSAGE(Cancel);
TARN_MESSAGE(Ready);
TARN_MESSAGE(ProbeProgress);
TARN_MESSAGE(Decoding);
TARN_MESSAGE(Hurry);
TARN_MESSAGE(Probed);
TARN_MESSAGE(ViewsApplied);
TARN_MESSAGE(Progress);
TARN_MESSAGE(Unhealthy);
TARN_MESSAGE(Cached);
TARN_MESSAGE(Query);
TARN_MESSAGE(Begun);
TARN_MESSAGE(End);
TARN_MESSAGE(Failed);
#undef TARN_MESSAGE

std::string RowsFrameHeader(const RowsHeader& header, size_t bytes) {
  std::string out;
  AppendFrameHeader(FrameType::kRows, RowsHeader::kBytes + bytes, out);
  for (unsigned shift = 0; shift < 64; shift += 8) {
    out += static_cast<char>((header.rows >> shift) & 0xFF);
  }
  out += static_cast<char>(header.compression);
  return out;
}

Result<RowsHeader> ReadRowsHeader(std::string_view payload) {
  if (payload.size() < RowsHeader::kBytes) return Internal("truncated frame of rows");
  RowsHeader header;
  for (unsigned i = 0; i < 8; ++i) {
    header.rows |= uint64_t{static_cast<unsigned char>(payload[i])} << (8 * i);
  }
  const auto compression = static_cast<unsigned char>(payload[8]);
  if (compression > static_cast<unsigned char>(Compression::kZstd)) {
    return Internal(fmt::format("a frame of rows has the unknown compression {}", compression));
  }
  header.compression = static_cast<Compression>(compression);
  return header;
}

}  // namespace tarn::protocol
