#include "result/compressor.h"

// Makes the input of zlib const.
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <new>

namespace tarn::result {
namespace {

// The size of an output step.
constexpr size_t kCompressedStepBytes = 32 * 1024;

// The result of step(data, size), which AppendSteps calls until there is no more output: the bytes
// that it wrote, and whether it has more.
struct Stepped {
  size_t written;
  bool more;
};
template <class Step>
void AppendSteps(std::string& out, Step step) {
  for (bool more = true; more;) {
    const size_t start = out.size();
    out.resize(start + kCompressedStepBytes);
    const Stepped stepped = step(&out[start], kCompressedStepBytes);
    out.resize(start + stepped.written);
    more = stepped.more;
  }
}

class Identity : public Compressor {
 public:
  void Write(std::string_view bytes, std::string& out) override { out += bytes; }
  void Flush(std::string& /*out*/) override {}
  void Finish(std::string& /*out*/) override {}
};

class Gzip : public Compressor {
 public:
  Gzip() {
    constexpr int kWithGzipHeader = 16;
    constexpr int kMemoryLevel = 8;  // zlib's own default.
    if (deflateInit2(&stream_, kLevel, Z_DEFLATED, MAX_WBITS + kWithGzipHeader, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Gzip() override { deflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  void Write(std::string_view bytes, std::string& out) override {
    // zlib's sizes have 32 bits.
    constexpr size_t kPiece = std::numeric_limits<uInt>::max();
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kPiece))) {
      stream_.next_in = reinterpret_cast<const Bytef*>(bytes.data());
      stream_.avail_in = static_cast<uInt>(std::min(bytes.size(), kPiece));
      Run(Z_NO_FLUSH, out);
    }
  }
  void Flush(std::string& out) override { Run(Z_SYNC_FLUSH, out); }
  void Finish(std::string& out) override { Run(Z_FINISH, out); }

 private:
  // Level 6, the default, takes 2 to 3 times as long and saves 5 % more.
  static constexpr int kLevel = 1;

  void Run(int flush, std::string& out) {
    AppendSteps(out, [&](char* data, size_t size) {
      stream_.next_out = reinterpret_cast<Bytef*>(data);
      stream_.avail_out = static_cast<uInt>(size);
      // The only possible errors are misuse and Z_BUF_ERROR, which means no progress.
      deflate(&stream_, flush);
      return Stepped{size - stream_.avail_out, stream_.avail_out == 0};
    });
  }

  z_stream stream_ = {};
};

class Zstd : public Compressor {
 public:
  Zstd() : context_(ZSTD_createCCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kLevel);
  }
  ~Zstd() override { ZSTD_freeCCtx(context_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  void Write(std::string_view bytes, std::string& out) override {
    Run(bytes, ZSTD_e_continue, out);
  }
  void Flush(std::string& out) override { Run({}, ZSTD_e_flush, out); }
  void Finish(std::string& out) override { Run({}, ZSTD_e_end, out); }

 private:
  // Level 3, the default, takes 1.5 to 2 times as long. It saves 20 % more for Arrow, but nothing
  // for JSON.
  static constexpr int kLevel = 1;

  void Run(std::string_view bytes, ZSTD_EndDirective directive, std::string& out) {
    ZSTD_inBuffer input = {bytes.data(), bytes.size(), 0};
    AppendSteps(out, [&](char* data, size_t size) {
      ZSTD_outBuffer output = {data, size, 0};
      const size_t left = ZSTD_compressStream2(context_, &output, &input, directive);
      // With valid parameters, the only error is a lack of memory.
      if (ZSTD_isError(left) != 0) throw std::bad_alloc();
      const bool more = directive == ZSTD_e_continue ? input.pos < input.size : left > 0;
      return Stepped{output.pos, more};
    });
  }

  ZSTD_CCtx* context_;
};

}  // namespace

std::unique_ptr<Compressor> Compressor::Make(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return std::make_unique<Gzip>();
    case Compression::kZstd:
      return std::make_unique<Zstd>();
    case Compression::kNone:
      break;
  }
  return std::make_unique<Identity>();
}

}  // namespace tarn::result
