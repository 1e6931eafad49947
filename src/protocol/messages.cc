#include "protocol/messages.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

namespace tarn::protocol {

// Every field has to come: both ends are of one build.
#define TARN_FIELDS NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE
TARN_FIELDS(ObjectStore, is_folder, root, host, region, use_ssl, use_path_style)
TARN_FIELDS(Credentials, access_key_id, secret_access_key, session_token)
TARN_FIELDS(ViewSpec, name, keys)
TARN_FIELDS(Setup, store, credentials, httpfs_path, threads, memory_limit, memory_hard_limit,
            temp_directory, temp_directory_limit, plan_cache_entries, allow_direct_reads, views,
            log_program, log_json, log_level, tls_verify, tls_ca_path)
TARN_FIELDS(PutView, ticket, view, probe, timeout_ms)
TARN_FIELDS(DropView, ticket, name, timeout_ms)
TARN_FIELDS(Cancel, slot, query)
TARN_FIELDS(Ready, error, version)
TARN_FIELDS(ViewChanged, ticket, ok, error_kind, error)
TARN_FIELDS(Progress, slot, query, percent)
TARN_FIELDS(Unhealthy, reason, broken)
TARN_FIELDS(Query, number, id, sql, params, format, compression, quote_big_numbers, row_limit,
            byte_limit)
TARN_FIELDS(End, rows, truncated)
TARN_FIELDS(Failed, kind, message)
#undef TARN_FIELDS

template <class Message>
std::string ToFrame(const Message& message) {
  std::string payload;
  nlohmann::json::to_cbor(nlohmann::json(message), payload);
  std::string frame;
  AppendFrame(Message::kType, payload, frame);
  return frame;
}

template <class Message>
Result<Message> FromPayload(std::string_view payload) {
  try {
    return nlohmann::json::from_cbor(payload).template get<Message>();
  } catch (const nlohmann::json::exception& e) {
    return Internal(fmt::format("message {}: {}", static_cast<int>(Message::kType), e.what()));
  }
}

#define TARN_MESSAGE(Message)                   \
  template std::string ToFrame(const Message&); \
  template Result<Message> FromPayload(std::string_view)
TARN_MESSAGE(Setup);
TARN_MESSAGE(PutView);
TARN_MESSAGE(DropView);
TARN_MESSAGE(Cancel);
TARN_MESSAGE(Ready);
TARN_MESSAGE(ViewChanged);
TARN_MESSAGE(Progress);
TARN_MESSAGE(Unhealthy);
TARN_MESSAGE(Query);
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
  if (payload.size() < RowsHeader::kBytes) return Internal("a frame of rows is cut short");
  RowsHeader header;
  for (unsigned i = 0; i < 8; ++i) {
    header.rows |= uint64_t{static_cast<unsigned char>(payload[i])} << (8 * i);
  }
  header.compression = static_cast<Compression>(payload[8]);
  return header;
}

}  // namespace tarn::protocol
