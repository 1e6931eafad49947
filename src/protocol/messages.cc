#include "protocol/messages.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

NLOHMANN_JSON_NAMESPACE_BEGIN
// A list of texts is one item, so that the library allocates no value for each text.
template <>
struct adl_serializer<tarn::TextList> {
  static void to_json(json& out, const tarn::TextList& list) {
    const std::string encoded = list.Encode();
    out = json::binary(std::vector<uint8_t>(encoded.begin(), encoded.end()));
  }
  static void from_json(const json& in, tarn::TextList& list) {
    const json::binary_t& bytes = in.get_binary();
    auto decoded =
        tarn::TextList::Decode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (!decoded) throw json::other_error::create(501, "a list of texts is malformed", &in);
    list = std::move(*decoded);
  }
};
NLOHMANN_JSON_NAMESPACE_END

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

std::vector<Column> UnpackColumns(const nlohmann::json& json, const std::vector<Column>& known) {
  const auto texts = json.get<TextList>();
  const auto fail = [&json] {
    throw nlohmann::json::other_error::create(501, "columns are malformed", &json);
  };
  if (texts.size() % 2 != 0) fail();
  if (known.empty() && texts.size() / 2 > Probed::kColumnsMax) fail();
  std::vector<Column> columns(texts.size() / 2);
  const auto take = [&](size_t text, const std::string* same) {
    if (texts[text].empty() && same == nullptr) fail();
    if (texts[text].empty()) return *same;
    if (texts[text].front() != kOwnText) fail();
    return std::string(texts[text].substr(1));
  };
  for (size_t i = 0; i < columns.size(); ++i) {
    const Column* const same = i < known.size() ? &known[i] : nullptr;
    columns[i].name = take(2 * i, same == nullptr ? nullptr : &same->name);
    columns[i].type = take(2 * i + 1, same == nullptr ? nullptr : &same->type);
  }
  return columns;
}

}  // namespace

// All fields are required, because both ends are from the same build.
#define TARN_FIELDS NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE
TARN_FIELDS(ObjectStore, is_folder, root, host, region, use_ssl, use_path_style)
TARN_FIELDS(Credentials, access_key_id, secret_access_key, session_token)
TARN_FIELDS(Partition, name, type, key_name)

namespace {

// Whether the columns of groups leave out the texts that the dataset has.
enum class Form : uint8_t { kComplete, kPacked };

nlohmann::json SchemaToJson(const DatasetSchema& schema, Form form) {
  const std::vector<Column> none;
  const std::vector<Column>& known = form == Form::kPacked ? schema.columns : none;
  nlohmann::json groups = nlohmann::json::array();
  for (const ObjectGroup& group : schema.groups) {
    groups.push_back({{"objects", group.objects}, {"columns", PackColumns(group.columns, known)}});
  }
  return {{"columns", PackColumns(schema.columns, none)},
          {"groups", std::move(groups)},
          {"partitions", schema.partitions},
          {"key_prefix", schema.key_prefix},
          {"notes", schema.notes},
          {"guarded", schema.guarded},
          {"may_hide_nan", schema.may_hide_nan},
          {"etags", schema.etags}};
}

DatasetSchema SchemaFromJson(const nlohmann::json& json, Form form) {
  const std::vector<Column> none;
  DatasetSchema schema{.columns = UnpackColumns(json.at("columns"), none)};
  const std::vector<Column>& known = form == Form::kPacked ? schema.columns : none;
  size_t columns = schema.columns.size();
  for (const nlohmann::json& group : json.at("groups")) {
    schema.groups.push_back({.objects = group.at("objects").get<std::vector<uint64_t>>(),
                             .columns = UnpackColumns(group.at("columns"), known)});
    columns += schema.groups.back().columns.size();
    const bool is_too_large = form == Form::kComplete && columns > Probed::kColumnsMax;
    if (is_too_large) throw nlohmann::json::other_error::create(501, "too many columns", &json);
  }
  json.at("partitions").get_to(schema.partitions);
  json.at("key_prefix").get_to(schema.key_prefix);
  json.at("notes").get_to(schema.notes);
  json.at("guarded").get_to(schema.guarded);
  json.at("may_hide_nan").get_to(schema.may_hide_nan);
  json.at("etags").get_to(schema.etags);
  return schema;
}

}  // namespace

// nlohmann-json finds these functions by their names. NOLINTBEGIN(readability-identifier-naming)

// Complete, because texts that are left out would let a small message take much memory.
static void to_json(nlohmann::json& json, const DatasetSchema& schema) {
  json = SchemaToJson(schema, Form::kComplete);
}

static void from_json(const nlohmann::json& json, DatasetSchema& schema) {
  schema = SchemaFromJson(json, Form::kComplete);
}

std::string PackSchema(const DatasetSchema& schema) {
  std::string packed;
  nlohmann::json::to_cbor(SchemaToJson(schema, Form::kPacked), packed);
  packed.shrink_to_fit();
  return packed;
}

DatasetSchema UnpackSchema(std::string_view packed) {
  return SchemaFromJson(nlohmann::json::from_cbor(packed), Form::kPacked);
}

static void to_json(nlohmann::json& json, const ViewSpec& view) {
  json = {{"name", view.name},   {"keys", view.keys},
          {"error", view.error}, {"is_temporary", view.is_temporary},
          {"etags", view.etags}, {"version", view.version}};
  const std::string packed =
      view.packed_schema.empty() ? PackSchema(view.schema) : view.packed_schema;
  json["schema"] = nlohmann::json::binary({packed.begin(), packed.end()});
}

static void from_json(const nlohmann::json& json, ViewSpec& view) {
  json.at("name").get_to(view.name);
  json.at("keys").get_to(view.keys);
  json.at("error").get_to(view.error);
  json.at("is_temporary").get_to(view.is_temporary);
  json.at("etags").get_to(view.etags);
  json.at("version").get_to(view.version);
  const nlohmann::json::binary_t& packed = json.at("schema").get_binary();
  view.schema = UnpackSchema({reinterpret_cast<const char*>(packed.data()), packed.size()});
}
// NOLINTEND(readability-identifier-naming)

TARN_FIELDS(DatasetRead, name, version)
TARN_FIELDS(DepthLimits, nesting, subqueries, expressions, json)
TARN_FIELDS(Setup, store, credentials, httpfs_path, threads, memory_limit, memory_hard_limit,
            temp_directory, temp_directory_limit, plan_cache_entries, cache_objects,
            allow_direct_reads, depths, probes_max, footer_bytes_max, schema_depth_max, pending,
            revision, only_probes, sandbox, log_program, log_json, log_level, tls_verify,
            tls_ca_path)
TARN_FIELDS(Probe, ticket, view, owner, object_timeout_ms, is_retry, is_first, only_etags)
TARN_FIELDS(ApplyViews, ticket, revision, drop, pending)
TARN_FIELDS(Cancel, slot, query)
TARN_FIELDS(Ready, error, version, sandbox, sandbox_missing)
TARN_FIELDS(ProbeProgress, ticket, objects_read)
TARN_FIELDS(Decoding, ticket, object, has_ended)
TARN_FIELDS(Hurry, dataset)
TARN_FIELDS(Probed, ticket, ok, error_kind, error, schema)
TARN_FIELDS(ViewsApplied, ticket)
TARN_FIELDS(Progress, slot, query, permille)
TARN_FIELDS(Unhealthy, reason, broken, can_wait)
TARN_FIELDS(Cached, data_bytes)
TARN_FIELDS(Query, number, id, sql, params, format, compression, quote_big_numbers, row_limit,
            byte_limit)
TARN_FIELDS(Begun, revision, is_repeatable, reads)
TARN_FIELDS(End, rows, truncated)
TARN_FIELDS(Failed, kind, message, is_for_another, has_broken_engine)
#undef TARN_FIELDS

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
  const auto append = [&frame](const auto& item) {
    nlohmann::json::to_cbor(nlohmann::json(item), frame);
  };
  append(message);
  if (const auto* views = ViewsOf(message)) {
    for (const ViewSpec& view : *views) append(view);
  }
  for (const ViewPointer& view : more_views) append(*view);
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

// The maximum nesting depth of lists and objects; Setup has the deepest nesting.
constexpr size_t kDepthMax = 10;

// Removes the head of a CBOR item with its number (RFC 8949, 3).
bool ConsumeHead(std::string_view& bytes, unsigned& kind, uint64_t& number) {
  if (bytes.empty()) return false;
  const auto first = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  kind = first >> 5U;
  const unsigned info = first & 0x1FU;
  number = info;
  // Of the simple values, only false and true are allowed. The library would convert a fraction to
  // an integer, even out of range, and no message has fractions.
  constexpr unsigned kSimple = 7;
  if (kind == kSimple) return info == 20 || info == 21;
  if (info < 24) return true;
  if (info > 27) return false;  // Reserved, or a value of indefinite length.
  const size_t width = size_t{1} << (info - 24);
  if (bytes.size() < width) return false;
  number = 0;
  for (size_t i = 0; i < width; ++i) number = number << 8U | static_cast<unsigned char>(bytes[i]);
  bytes.remove_prefix(width);
  return true;
}

// The maximum number of CBOR items (RFC 8949, 3) of a message; a key is an item too. The library
// allocates a value of up to 120 bytes for each item, and an item may be a single byte.
constexpr size_t ItemsMax(FrameType type) {
  switch (type) {
    case FrameType::kSetup:
    case FrameType::kProbe:
    case FrameType::kApplyViews:
      return std::numeric_limits<size_t>::max();  // Sent by the front, which the engine trusts.
    case FrameType::kProbed:
      return 4'000'000;  // The index of each of 1,000,000 objects in its group, and the groups.
    case FrameType::kBegun:
      return 5 * Begun::kReadsMax + 50;
    default:
      return 50;  // The fields of a small message.
  }
}

// The length of the item at the front of the bytes, or nothing if it has not the form that ToFrame
// writes. The library's reader recurses for each level, and for forms that ToFrame never writes
// too: the front must be able to read the messages of an engine that was taken over.
std::optional<size_t> ItemBytes(const std::string_view whole, size_t items_max) {
  constexpr unsigned kBytes = 2;
  constexpr unsigned kText = 3;
  constexpr unsigned kList = 4;
  constexpr unsigned kObject = 5;
  constexpr unsigned kTag = 6;
  std::string_view bytes = whole;
  std::vector<uint64_t> missing = {1};  // Items, of each level that is open.
  while (!missing.empty()) {
    if (missing.back() == 0) {
      missing.pop_back();
      continue;
    }
    --missing.back();
    if (items_max-- == 0) return std::nullopt;
    unsigned kind = 0;
    uint64_t number = 0;
    if (!ConsumeHead(bytes, kind, number) || kind == kTag) return std::nullopt;
    if (kind == kBytes || kind == kText) {
      if (number > bytes.size()) return std::nullopt;
      bytes.remove_prefix(number);
    } else if (kind == kList || kind == kObject) {
      // An item has at least a byte.
      if (number > bytes.size() || missing.size() > kDepthMax) return std::nullopt;
      missing.push_back(kind == kObject ? 2 * number : number);
    }
  }
  return whole.size() - bytes.size();
}

bool HasExpectedFormat(std::string_view bytes, size_t items_max) {
  return ItemBytes(bytes, items_max) == bytes.size();
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

}  // namespace

template <class Message>
Result<Message> FromPayload(std::string_view payload) {
  const auto error = [](std::string_view what) {
    return Internal(fmt::format("message {}: {}", static_cast<int>(Message::kType), what));
  };
  const size_t bytes = ItemBytes(payload, ItemsMax(Message::kType)).value_or(0);
  if (bytes == 0) return error("unexpected format");
  try {
    auto message = nlohmann::json::from_cbor(payload.substr(0, bytes)).template get<Message>();
    if (!HasValidEnumerators(message)) return error("a number is out of range");
    payload.remove_prefix(bytes);
    auto* const views = ViewsOf(message);
    while (!payload.empty()) {
      const size_t view_bytes = ItemBytes(payload, ItemsMax(Message::kType)).value_or(0);
      if (views == nullptr || view_bytes == 0) return error("unexpected format");
      views->push_back(
          nlohmann::json::from_cbor(payload.substr(0, view_bytes)).template get<ViewSpec>());
      payload.remove_prefix(view_bytes);
    }
    return message;
  } catch (const nlohmann::json::exception& e) {
    return error(e.what());
  }
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
         HasExpectedFormat(payload, ItemsMax(type));
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
