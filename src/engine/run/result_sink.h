#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "engine/run/frame_socket.h"
#include "protocol/messages.h"
#include "result/compressor.h"

namespace tarn::engine {

// Collects the bytes of one result in pieces, compresses them if the client accepts it, and writes
// them to the socket of the slot. Writing blocks while the client reads slowly, so memory does not
// grow with the result.
class ResultSink {
 public:
  ResultSink(FrameSocket& socket, Compression compression)
      : socket_(socket), compression_(compression) {}

  // Sets the frame to send before the first rows, in the same write.
  void Begin(std::string frame) { begin_frame_ = std::move(frame); }

  // The buffer to which the encoder appends.
  std::string& buffer() { return buffer_; }

  // Sends the buffer if it is large or old enough. `rows` is the number of rows so far. Returns
  // false if the front has closed its end.
  bool Offer(uint64_t rows);
  // Sends the rest and the frame that ends the result. If the result is not whole, the compressed
  // stream stays unfinished, so that the client can detect this.
  bool Finish(uint64_t rows, std::string_view end_frame, bool whole);

  uint64_t encoded_bytes() const { return encoded_bytes_ + buffer_.size(); }

 private:
  // `end_frame` is empty except for the last piece.
  bool Send(uint64_t rows, std::string_view end_frame, bool whole);
  bool Write(uint64_t rows, std::string_view bytes, std::string_view end_frame);

  FrameSocket& socket_;
  // The accepted compression; kNone for small results.
  Compression compression_;
  std::unique_ptr<result::Compressor> compressor_;
  std::string begin_frame_;
  std::string buffer_;
  std::string compressed_;
  uint64_t encoded_bytes_ = 0;  // The bytes that were taken out of buffer_.
  std::chrono::steady_clock::time_point sent_at_ = std::chrono::steady_clock::now();
};

}  // namespace tarn::engine
