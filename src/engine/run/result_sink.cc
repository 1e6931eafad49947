#include "engine/run/result_sink.h"

#include <algorithm>
#include <utility>

namespace tarn::engine {
namespace {

// Encoded rows are handed on in pieces of about this size.
constexpr size_t kPieceBytes = 64 * 1024;
// The front holds one frame of each query at a time.
constexpr size_t kFrameBytesMax = 256 * 1024;
// The rows of a slow query are not held back longer.
constexpr auto kPieceAge = std::chrono::milliseconds(200);
// Below it, compressing costs more than it saves.
constexpr size_t kCompressedBytesMin = 1024;

// A piece of wide rows may be large: its memory is not kept.
void Empty(std::string& piece) {
  if (piece.capacity() > kFrameBytesMax) {
    // Not by assigning an empty one, which keeps the memory.
    std::string().swap(piece);
  } else {
    piece.clear();
  }
}

}  // namespace

bool ResultSink::Offer(uint64_t rows) {
  if (buffer_.size() >= kPieceBytes) return Send(rows, {}, false);
  if (buffer_.empty() || std::chrono::steady_clock::now() - sent_at_ < kPieceAge) return true;
  return Send(rows, {}, false);
}

bool ResultSink::Finish(uint64_t rows, std::string_view end_frame, bool whole) {
  return Send(rows, end_frame, whole);
}

bool ResultSink::Send(uint64_t rows, std::string_view end_frame, bool whole) {
  const bool last = !end_frame.empty();
  encoded_bytes_ += buffer_.size();
  sent_at_ = std::chrono::steady_clock::now();
  if (compressor_ == nullptr && last && buffer_.size() < kCompressedBytesMin) {
    compression_ = Compression::kNone;
  }
  bool taken = true;
  if (compression_ == Compression::kNone) {
    taken = Write(rows, buffer_, end_frame);
  } else {
    if (compressor_ == nullptr) compressor_ = Compressor::Make(compression_);
    compressor_->Write(buffer_, compressed_);
    // A piece that is sent because of its age must reach the reader whole.
    if (whole) {
      compressor_->Finish(compressed_);
    } else if (last || buffer_.size() < kPieceBytes) {
      compressor_->Flush(compressed_);
    }
    taken = Write(rows, compressed_, end_frame);
    Empty(compressed_);
  }
  Empty(buffer_);
  return taken;
}

bool ResultSink::Write(uint64_t rows, std::string_view bytes, std::string_view end_frame) {
  std::string frame = std::exchange(begin_frame_, {});
  if (bytes.empty()) return socket_.Write(frame, end_frame);
  const protocol::RowsHeader header{.rows = rows, .compression = compression_};
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kFrameBytesMax);
    bytes.remove_prefix(part.size());
    frame += protocol::RowsFrameHeader(header, part.size());
    // The end goes with the last rows: a small result is one write, and one read of the front's.
    if (!socket_.Write(frame, part, bytes.empty() ? end_frame : std::string_view())) return false;
    frame.clear();
  }
  return true;
}

}  // namespace tarn::engine
