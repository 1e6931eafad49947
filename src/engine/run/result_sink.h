#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "engine/run/frame_socket.h"
#include "protocol/messages.h"
#include "result/compressor.h"

namespace tarn::engine {

// The way of one result's bytes from its encoder to the front: collected to pieces, compressed
// where that is asked for, and written to the slot's socket. Writing blocks while the reader is
// behind, so a slow reader holds its query back and memory does not grow with the result.
class ResultSink {
 public:
  ResultSink(FrameSocket& socket, Compression compression)
      : socket_(socket), compression_(compression) {}

  // A frame that goes before the rows, with the first of them.
  void Begin(std::string frame) { begin_frame_ = std::move(frame); }

  // Encoders append here.
  std::string& buffer() { return buffer_; }

  // Sends what was collected when it is enough, or old enough. `rows` counts all so far. False
  // when nobody reads.
  bool Offer(uint64_t rows);
  // Sends the rest, and the frame that ends the result. One that is not whole does not end the
  // compressed stream either, so that nobody takes it for whole.
  bool Finish(uint64_t rows, std::string_view end_frame, bool whole);

  uint64_t encoded_bytes() const { return encoded_bytes_ + buffer_.size(); }

 private:
  // `end_frame` is empty but for the last piece.
  bool Send(uint64_t rows, std::string_view end_frame, bool whole);
  bool Write(uint64_t rows, std::string_view bytes, std::string_view end_frame);

  FrameSocket& socket_;
  // What was asked for; none for a result that is too small to gain from it.
  Compression compression_;
  std::unique_ptr<Compressor> compressor_;
  std::string begin_frame_;
  std::string buffer_;
  std::string compressed_;
  uint64_t encoded_bytes_ = 0;  // Of what has left buffer_.
  std::chrono::steady_clock::time_point sent_at_ = std::chrono::steady_clock::now();
};

}  // namespace tarn::engine
