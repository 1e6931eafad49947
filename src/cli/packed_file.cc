#include "cli/packed_file.h"

#include <fmt/format.h>
// Makes the input of zlib const, as it is.
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <new>
#include <vector>

#include "base/files.h"
#include "cli/interrupt.h"
#include "cli/progress.h"

namespace tarn::cli {
namespace {

constexpr size_t kBlockBytes = 256 * 1024;

// What unpacks takes piece after piece of a file.
class Unpacker {
 public:
  virtual ~Unpacker() = default;
  // False: that is nothing which was packed.
  virtual bool Take(std::string_view piece) = 0;
  // Whether all that was taken is whole.
  virtual bool IsAtEnd() const = 0;
};

// A file may be several gzip files, one behind the other (RFC 1952, 2.2).
class Gunzip : public Unpacker {
 public:
  Gunzip() : out_(kBlockBytes) {
    constexpr int kGzipOnly = 16;
    if (inflateInit2(&stream_, MAX_WBITS + kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~Gunzip() override { inflateEnd(&stream_); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  bool Take(std::string_view piece) override {
    stream_.next_in = reinterpret_cast<const Bytef*>(piece.data());
    stream_.avail_in = static_cast<uInt>(piece.size());
    for (bool more = true; more;) {
      if (is_at_end_ && stream_.avail_in == 0) return true;
      if (is_at_end_) inflateReset(&stream_);
      stream_.next_out = out_.data();
      stream_.avail_out = static_cast<uInt>(out_.size());
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return false;
      is_at_end_ = status == Z_STREAM_END;
      more = stream_.avail_in > 0 || stream_.avail_out == 0;
    }
    return true;
  }
  bool IsAtEnd() const override { return is_at_end_; }

 private:
  z_stream stream_ = {};
  std::vector<Bytef> out_;
  bool is_at_end_ = false;
};

class Unzstd : public Unpacker {
 public:
  Unzstd() : context_(ZSTD_createDCtx()), out_(kBlockBytes) {
    if (context_ == nullptr) throw std::bad_alloc();
  }
  ~Unzstd() override { ZSTD_freeDCtx(context_); }
  Unzstd(const Unzstd&) = delete;
  Unzstd& operator=(const Unzstd&) = delete;

  bool Take(std::string_view piece) override {
    ZSTD_inBuffer input = {piece.data(), piece.size(), 0};
    for (bool more = true; more;) {
      ZSTD_outBuffer output = {out_.data(), out_.size(), 0};
      left_ = ZSTD_decompressStream(context_, &output, &input);
      if (ZSTD_isError(left_) != 0) return false;
      more = input.pos < input.size || output.pos == output.size;
      // With nothing to do, it would ask for the next frame.
      if (left_ == 0 && input.pos == input.size) more = false;
    }
    return true;
  }
  bool IsAtEnd() const override { return left_ == 0; }

 private:
  ZSTD_DCtx* context_;
  std::vector<char> out_;
  size_t left_ = 1;
};

}  // namespace

Packing PackingOf(std::string_view name) {
  if (name.ends_with(".gz")) return Packing::kGzip;
  return name.ends_with(".zst") ? Packing::kZstd : Packing::kNone;
}

Packing PackingOfContent(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x1f\x8b")) return Packing::kGzip;
  return first_bytes.starts_with("\x28\xb5\x2f\xfd") ? Packing::kZstd : Packing::kNone;
}

Packing PackingOfFile(const std::string& path) {
  constexpr size_t kMagicBytes = 4;
  const Packing packing = PackingOfContent(FirstBytes(path, kMagicBytes));
  return packing == Packing::kNone ? PackingOf(path) : packing;
}

Result<> CheckPacked(const std::string& path, Packing packing, const std::stop_token& stop) {
  if (packing == Packing::kNone) return {};
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  const auto failed = [&] {
    return InvalidArgument(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  };
  if (file == nullptr) return failed();
  std::unique_ptr<Unpacker> unpacker;
  if (packing == Packing::kGzip) {
    unpacker = std::make_unique<Gunzip>();
  } else {
    unpacker = std::make_unique<Unzstd>();
  }
  std::error_code ignored;
  Progress progress("checking", std::filesystem::file_size(path, ignored));
  std::vector<char> block(kBlockBytes);
  while (const size_t count = std::fread(block.data(), 1, block.size(), file.get())) {
    if (stop.stop_requested()) return Stopped();
    if (!unpacker->Take({block.data(), count})) {
      return InvalidArgument(
          fmt::format("\"{}\" is damaged, or not what {} has made: fetch it again", path,
                      packing == Packing::kGzip ? "gzip" : "zstd"));
    }
    progress.Add(count);
  }
  if (std::ferror(file.get()) != 0) return failed();
  if (unpacker->IsAtEnd()) return {};
  return InvalidArgument(
      fmt::format("\"{}\" is cut off: its end is missing. Fetch it again", path));
}

}  // namespace tarn::cli
