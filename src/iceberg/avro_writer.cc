#include "iceberg/avro_writer.h"

#include <zlib.h>

#include "base/check.h"
#include "base/sha256.h"

namespace tarn::iceberg {
namespace {

// A block ends when it has more bytes than this before compression.
constexpr size_t kBlockBytes = 64 * 1024;
constexpr size_t kSyncMarkerBytes = 16;

// Compresses with raw deflate (RFC 1951), without zlib's header and checksum.
std::string Deflated(std::string_view bytes) {
  constexpr int kRawWindowBits = -15;
  constexpr int kMemoryLevel = 8;  // zlib's default.
  z_stream stream{};
  TARN_ASSERT(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRawWindowBits, kMemoryLevel,
                           Z_DEFAULT_STRATEGY) == Z_OK,
              "zlib could not start");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  TARN_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END, "deflateBound was too small");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace

// A variable-length zigzag number.
void AppendAvroLong(std::string& out, int64_t value) {
  uint64_t rest = static_cast<uint64_t>(value) << 1U ^ static_cast<uint64_t>(value >> 63U);
  for (; rest >= 0x80; rest >>= 7U) out += static_cast<char>((rest & 0x7FU) | 0x80U);
  out += static_cast<char>(rest);
}

void AppendAvroBytes(std::string& out, std::string_view value) {
  AppendAvroLong(out, static_cast<int64_t>(value.size()));
  out += value;
}

void AppendAvroNull(std::string& out) { AppendAvroLong(out, 0); }

void AppendAvroPresent(std::string& out) { AppendAvroLong(out, 1); }

void AppendAvroArrayStart(std::string& out, size_t count) {
  if (count > 0) AppendAvroLong(out, static_cast<int64_t>(count));
}

void AppendAvroArrayEnd(std::string& out) { AppendAvroLong(out, 0); }

AvroWriter::AvroWriter(AvroCodec codec, std::string_view schema, const Metadata& metadata)
    : codec_(codec), header_("Obj\x01") {
  // A map from string to bytes, in one block.
  AppendAvroArrayStart(header_, metadata.size() + 2);
  AppendAvroBytes(header_, "avro.schema");
  AppendAvroBytes(header_, schema);
  AppendAvroBytes(header_, "avro.codec");
  AppendAvroBytes(header_, codec == AvroCodec::kNull ? "null" : "deflate");
  for (const auto& [key, value] : metadata) {
    AppendAvroBytes(header_, key);
    AppendAvroBytes(header_, value);
  }
  AppendAvroArrayEnd(header_);
}

void AvroWriter::Add(std::string_view record) {
  open_.bytes += record;
  ++open_.count;
  if (open_.bytes.size() > kBlockBytes) EndBlock();
}

void AvroWriter::EndBlock() {
  if (open_.count == 0) return;
  if (codec_ == AvroCodec::kDeflate) open_.bytes = Deflated(open_.bytes);
  blocks_.push_back(std::move(open_));
  open_ = {};
}

std::string AvroWriter::Finish() {
  EndBlock();
  std::string hashes = Sha256Hex(header_);
  for (const Block& block : blocks_) hashes += Sha256Hex(block.bytes);
  const std::string sync_marker = Sha256Hex(hashes).substr(0, kSyncMarkerBytes);
  std::string file = std::move(header_) + sync_marker;
  for (const Block& block : blocks_) {
    AppendAvroLong(file, static_cast<int64_t>(block.count));
    AppendAvroBytes(file, block.bytes);
    file += sync_marker;
  }
  return file;
}

}  // namespace tarn::iceberg
