#include "engine/run/result_sink.h"

#include <algorithm>
#include <utility>

namespace tarn::engine {
namespace {

// The approximate size of a piece.
constexpr size_t kPieceBytes = 64 * 1024;
// The front has one frame of each query in memory.
constexpr size_t kFrameBytesMax = 256 * 1024;
// The longest time that rows of a slow query wait in the buffer.
constexpr auto kPieceAge = std::chrono::milliseconds(200);
// Smaller results are not compressed, because that costs more than it saves.
constexpr size_t kCompressedBytesMin = 1024;

// Empties a piece, and frees its memory if wide rows made it large.
void Empty(std::string& piece) {
  if (piece.capacity() > kFrameBytesMax) {
    // To assign an empty string would keep the memory.
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
    if (compressor_ == nullptr) compressor_ = result::Compressor::Make(compression_);
    compressor_->Write(buffer_, compressed_);
    // A flush lets the client read all of a piece that is sent because of its age.
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
    // The end frame is in the write of the last rows, so a small result needs one write and one
    // read.
    if (!socket_.Write(frame, part, bytes.empty() ? end_frame : std::string_view())) return false;
    frame.clear();
  }
  return true;
}

}  // namespace tarn::engine
