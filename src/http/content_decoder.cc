#include "http/content_decoder.h"

// Makes the input of zlib const, as it is.
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <new>

#include "base/text.h"

namespace tarn::http {
namespace {

Error CutShortError(std::string_view coding) {
  return InvalidArgument(std::string(coding) + ": it is cut short");
}

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
    constexpr size_t kPiece = std::numeric_limits<uInt>::max();
    const size_t start = out.size();
    const size_t room = std::min(bytes_max, kPiece);
    const size_t given = std::min(input.size(), kPiece);
    out.resize(start + room);
    stream_.next_in = reinterpret_cast<const Bytef*>(input.data());
    stream_.avail_in = static_cast<uInt>(given);
    stream_.next_out = reinterpret_cast<Bytef*>(&out[start]);
    stream_.avail_out = static_cast<uInt>(room);
    const int code = inflate(&stream_, Z_NO_FLUSH);
    input.remove_prefix(given - stream_.avail_in);
    out.resize(start + room - stream_.avail_out);
    if (code == Z_STREAM_END) {
      if (input.empty()) return true;
      inflateReset(&stream_);  // Another member follows.
      return false;
    }
    if (code == Z_MEM_ERROR) throw std::bad_alloc();
    if (code != Z_OK && code != Z_BUF_ERROR) {
      return InvalidArgument(std::string("gzip: ") +
                             (stream_.msg != nullptr ? stream_.msg : "damaged"));
    }
    if (input.empty() && stream_.avail_out > 0) return CutShortError("gzip");
    return false;
  }

 private:
  z_stream stream_ = {};
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
    const size_t start = out.size();
    out.resize(start + bytes_max);
    ZSTD_inBuffer from = {input.data(), input.size(), 0};
    ZSTD_outBuffer to = {&out[start], bytes_max, 0};
    const size_t left = ZSTD_decompressStream(context_, &to, &from);
    input.remove_prefix(from.pos);
    out.resize(start + to.pos);
    if (ZSTD_isError(left) != 0) {
      return InvalidArgument(std::string("zstd: ") + ZSTD_getErrorName(left));
    }
    if (!input.empty()) return false;
    if (left == 0) return true;
    if (to.pos < bytes_max) return CutShortError("zstd");
    return false;
  }

 private:
  ZSTD_DCtx* context_;
};

}  // namespace

std::string ContentDecoder::CodingOf(const Request& request) {
  std::string codings;
  for (const auto& [name, value] : request.headers) {
    if (!EqualsIgnoreCase(name, "content-encoding") || Trim(value).empty()) continue;
    if (!codings.empty()) codings += ", ";
    codings += ToLowerAscii(Trim(value));
  }
  return codings;
}

std::unique_ptr<ContentDecoder> ContentDecoder::Make(std::string_view coding) {
  // RFC 9110, 8.4.1.3: x-gzip is the same.
  if (coding == "gzip" || coding == "x-gzip") return std::make_unique<GzipDecoder>();
  if (coding == "zstd") return std::make_unique<ZstdDecoder>();
  return nullptr;
}

}  // namespace tarn::http
