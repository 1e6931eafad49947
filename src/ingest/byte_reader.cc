#include "ingest/byte_reader.h"

#include <fmt/format.h>
// Lets zlib take const input, which it does not modify.
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "base/files.h"

namespace tarn::ingest {

// Decompresses a file piece by piece.
class Unpacker {
 public:
  virtual ~Unpacker() = default;
  virtual void Give(std::string_view packed) = 0;
  // True if all input was decompressed.
  virtual bool IsEmpty() const = 0;
  // Appends the next bytes, possibly none. Returns false if the input is damaged.
  virtual bool Unpack(std::string_view& bytes) = 0;
  // True if the input ended at the end of a member or frame.
  virtual bool IsAtEnd() const = 0;
};

namespace {

// A file can consist of several gzip members (RFC 1952, 2.2).
class Gunzip : public Unpacker {
 public:
  Gunzip() : out_(kBlockBytes) {
    constexpr int kGzipOnly = 16;
    if (inflateInit2(&stream_, MAX_WBITS + kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~Gunzip() override { inflateEnd(&stream_); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  void Give(std::string_view packed) override {
    stream_.next_in = reinterpret_cast<const Bytef*>(packed.data());
    stream_.avail_in = static_cast<uInt>(packed.size());
  }
  bool IsEmpty() const override { return stream_.avail_in == 0 && !has_more_; }
  bool Unpack(std::string_view& bytes) override {
    if (is_at_end_ && stream_.avail_in > 0) inflateReset(&stream_);
    stream_.next_out = out_.data();
    stream_.avail_out = static_cast<uInt>(out_.size());
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return false;
    is_at_end_ = status == Z_STREAM_END;
    has_more_ = !is_at_end_ && stream_.avail_out == 0;
    bytes = {reinterpret_cast<const char*>(out_.data()), out_.size() - stream_.avail_out};
    return true;
  }
  bool IsAtEnd() const override { return is_at_end_; }

 private:
  z_stream stream_ = {};
  std::vector<Bytef> out_;
  bool is_at_end_ = false;
  bool has_more_ = false;
};

class Unzstd : public Unpacker {
 public:
  Unzstd() : context_(ZSTD_createDCtx()), out_(kBlockBytes) {
    if (context_ == nullptr) throw std::bad_alloc();
  }
  ~Unzstd() override { ZSTD_freeDCtx(context_); }
  Unzstd(const Unzstd&) = delete;
  Unzstd& operator=(const Unzstd&) = delete;

  void Give(std::string_view packed) override { input_ = {packed.data(), packed.size(), 0}; }
  bool IsEmpty() const override { return input_.pos == input_.size && !has_more_; }
  bool Unpack(std::string_view& bytes) override {
    ZSTD_outBuffer output = {out_.data(), out_.size(), 0};
    left_ = ZSTD_decompressStream(context_, &output, &input_);
    if (ZSTD_isError(left_) != 0) return false;
    // Without input, zstd would expect the next frame.
    has_more_ = left_ != 0 && output.pos == output.size;
    bytes = {out_.data(), output.pos};
    return true;
  }
  bool IsAtEnd() const override { return left_ == 0; }

 private:
  ZSTD_DCtx* context_;
  std::vector<char> out_;
  ZSTD_inBuffer input_ = {nullptr, 0, 0};
  size_t left_ = 1;
  bool has_more_ = false;
};

std::unique_ptr<Unpacker> MakeUnpacker(Packing packing) {
  if (packing == Packing::kGzip) return std::make_unique<Gunzip>();
  if (packing == Packing::kZstd) return std::make_unique<Unzstd>();
  return nullptr;
}

Error ReadError(const std::string& path) {
  return InvalidArgument(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
}

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

ByteReader::ByteReader(const std::string& path, FILE* file, Packing packing, ReadHook hook,
                       size_t block_bytes)
    : path_(path),
      file_(file, &std::fclose),
      packing_(packing),
      hook_(std::move(hook)),
      unpacker_(MakeUnpacker(packing)),
      block_(block_bytes) {}

ByteReader::ByteReader(ByteReader&&) noexcept = default;
ByteReader& ByteReader::operator=(ByteReader&&) noexcept = default;
ByteReader::~ByteReader() = default;

Result<ByteReader> ByteReader::Open(const std::string& path, ReadHook hook, size_t block_bytes) {
  FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return ReadError(path);
  return ByteReader(path, file, PackingOfFile(path), std::move(hook), block_bytes);
}

Result<std::string_view> ByteReader::NextBlock() {
  const size_t count = std::fread(block_.data(), 1, block_.size(), file_.get());
  if (count == 0 && std::ferror(file_.get()) != 0) return ReadError(path_);
  if (count > 0) TARN_CHECK_OK(hook_(count));
  return std::string_view(block_.data(), count);
}

Result<std::string_view> ByteReader::Next() {
  if (unpacker_ == nullptr) return NextBlock();
  for (;;) {
    if (unpacker_->IsEmpty()) {
      TARN_TRY(const std::string_view packed, NextBlock());
      if (packed.empty() && unpacker_->IsAtEnd()) return std::string_view();
      if (packed.empty()) {
        return InvalidArgument(
            fmt::format("\"{}\" is cut off: its end is missing. Fetch it again", path_));
      }
      unpacker_->Give(packed);
    }
    std::string_view bytes;
    if (!unpacker_->Unpack(bytes)) {
      return InvalidArgument(
          fmt::format("\"{}\" is damaged, or was not written by {}: fetch it again", path_,
                      packing_ == Packing::kGzip ? "gzip" : "zstd"));
    }
    if (!bytes.empty()) return bytes;
  }
}

Result<> CheckPacked(const std::string& path, const ReadHook& hook) {
  TARN_TRY(ByteReader reader, ByteReader::Open(path, hook));
  for (;;) {
    TARN_TRY(const std::string_view bytes, reader.Next());
    if (bytes.empty()) return {};
  }
}

}  // namespace tarn::ingest
