#include "http/content_decoder.h"

// Declares zlib's input pointer as const.
#define ZLIB_CONST
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <new>

#include "base/text.h"

namespace tarn::http {
namespace {

// The input limit of one call. The output limit does not stop empty blocks, which yield no output.
constexpr size_t kInputBytesMax = 256 * 1024;
// Each member or frame has a cost, even an empty one.
constexpr int kPartsMax = 1000;

Error TruncatedError(std::string_view coding) {
  return InvalidArgument(std::string(coding) + ": truncated");
}

Error TooManyPartsError(std::string_view parts) {
  return InvalidArgument(
      fmt::format("{}: more than {}: compress the body as a whole", parts, kPartsMax));
}

// A buffer whose bytes are not initialised.
class Buffer {
 public:
  char* WithRoom(size_t bytes) {
    if (bytes > size_) {
      bytes_ = std::make_unique_for_overwrite<char[]>(bytes);
      size_ = bytes;
    }
    return bytes_.get();
  }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
};

class GzipDecoder : public ContentDecoder {
 public:
  GzipDecoder() {
    constexpr int kGzipOnly = 16;
    if (inflateInit2(&stream_, MAX_WBITS + kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~GzipDecoder() override { inflateEnd(&stream_); }
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;

  Result<bool> Decode(std::string_view& input, std::string& out, size_t bytes_max) override {
    // zlib counts in 32 bits.
    const size_t room = std::min<size_t>(bytes_max, std::numeric_limits<uInt>::max());
    const size_t given = std::min(input.size(), kInputBytesMax);
    char* const begin = buffer_.WithRoom(room);
    stream_.next_in = reinterpret_cast<const Bytef*>(input.data());
    stream_.avail_in = static_cast<uInt>(given);
    stream_.next_out = reinterpret_cast<Bytef*>(begin);
    stream_.avail_out = static_cast<uInt>(room);
    const Result<bool> done = DecodeMembers(given == input.size());
    input.remove_prefix(given - stream_.avail_in);
    out.append(begin, room - stream_.avail_out);
    return done;
  }

 private:
  // Decodes until the given input or the output space is used up.
  Result<bool> DecodeMembers(bool is_rest) {
    for (;;) {
      const int code = inflate(&stream_, Z_NO_FLUSH);
      if (code == Z_STREAM_END) {
        if (++members_ > kPartsMax) return TooManyPartsError("gzip: members");
        if (stream_.avail_in == 0 && is_rest) return true;
        inflateReset(&stream_);  // Another member follows.
        if (stream_.avail_in == 0 || stream_.avail_out == 0) return false;
        continue;
      }
      if (code == Z_MEM_ERROR) throw std::bad_alloc();
      if (code != Z_OK && code != Z_BUF_ERROR) {
        return InvalidArgument(std::string("gzip: ") +
                               (stream_.msg != nullptr ? stream_.msg : "damaged"));
      }
      if (stream_.avail_in == 0 && is_rest && stream_.avail_out > 0) return TruncatedError("gzip");
      if (stream_.avail_in == 0 || stream_.avail_out == 0) return false;
    }
  }

  z_stream stream_ = {};
  Buffer buffer_;
  int members_ = 0;
};

class ZstdDecoder : public ContentDecoder {
 public:
  ZstdDecoder() : context_(ZSTD_createDCtx()) {
    constexpr int kWindowLogMax = 23;  // 8 MiB.
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kWindowLogMax);
  }
  ~ZstdDecoder() override { ZSTD_freeDCtx(context_); }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;

  Result<bool> Decode(std::string_view& input, std::string& out, size_t bytes_max) override {
    const size_t given = std::min(input.size(), kInputBytesMax);
    ZSTD_inBuffer from = {input.data(), given, 0};
    ZSTD_outBuffer to = {buffer_.WithRoom(bytes_max), bytes_max, 0};
    const Result<bool> done = DecodeFrames(from, to, given == input.size());
    input.remove_prefix(from.pos);
    out.append(static_cast<const char*>(to.dst), to.pos);
    return done;
  }

 private:
  // Decodes until the given input or the output space is used up.
  Result<bool> DecodeFrames(ZSTD_inBuffer& from, ZSTD_outBuffer& to, bool is_rest) {
    for (;;) {
      const size_t left = ZSTD_decompressStream(context_, &to, &from);
      if (ZSTD_isError(left) != 0) {
        return InvalidArgument(std::string("zstd: ") + ZSTD_getErrorName(left));
      }
      if (left == 0 && ++frames_ > kPartsMax) return TooManyPartsError("zstd: frames");
      const bool is_read = from.pos == from.size;
      if (is_read && is_rest && left == 0) return true;
      if (is_read && is_rest && to.pos < to.size) return TruncatedError("zstd");
      if (is_read || to.pos == to.size) return false;
    }
  }

  ZSTD_DCtx* context_;
  Buffer buffer_;
  int frames_ = 0;
};

}  // namespace

std::string ContentDecoder::CodingOf(const Request& request) {
  std::string codings;
  for (const auto& [name, value] : request.headers) {
    if (!EqualsIgnoreCase(name, "content-encoding")) continue;
    const std::string_view coding = Trim(value);
    if (coding.empty() || EqualsIgnoreCase(coding, "identity")) continue;
    if (!codings.empty()) codings += ", ";
    codings += ToLowerAscii(coding);
  }
  return codings;
}

// x-gzip is an alias of gzip (RFC 9110, 8.4.1.3).
bool ContentDecoder::IsSupported(std::string_view coding) {
  return coding == "gzip" || coding == "x-gzip" || coding == "zstd";
}

std::unique_ptr<ContentDecoder> ContentDecoder::Make(std::string_view coding) {
  if (!IsSupported(coding)) return nullptr;
  if (coding == "zstd") return std::make_unique<ZstdDecoder>();
  return std::make_unique<GzipDecoder>();
}

}  // namespace tarn::http
