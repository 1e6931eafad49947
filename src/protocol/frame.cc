#include "protocol/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace tarn::protocol {

void AppendFrameHeader(FrameType type, size_t payload_bytes, std::string& out) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out += static_cast<char>((payload_bytes >> shift) & 0xFF);
  }
  out += static_cast<char>(type);
}

void AppendFrame(FrameType type, std::string_view payload, std::string& out) {
  out.reserve(out.size() + kFrameHeaderBytes + payload.size());
  AppendFrameHeader(type, payload.size(), out);
  out += payload;
}

char* FrameReader::Prepare(size_t bytes) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (begin_ > 0 && end_ + bytes > buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ + bytes > buffer_.size()) buffer_.resize(end_ + bytes);
  return buffer_.data() + end_;
}

void FrameReader::Commit(size_t bytes) { end_ += bytes; }

size_t FrameReader::PayloadBytes() const {
  size_t size = 0;
  for (size_t i = 0; i < 4; ++i) {
    size |= static_cast<size_t>(static_cast<unsigned char>(buffer_[begin_ + i])) << (8 * i);
  }
  return size;
}

size_t FrameReader::Missing() const {
  const size_t have = end_ - begin_;
  if (have < kFrameHeaderBytes) return kFrameHeaderBytes - have;
  const size_t whole = kFrameHeaderBytes + PayloadBytes();
  return whole > have ? whole - have : 1;
}

Result<std::optional<Frame>> FrameReader::Next() {
  if (end_ - begin_ < kFrameHeaderBytes) return std::optional<Frame>();
  const size_t size = PayloadBytes();
  if (size > kFramePayloadBytesMax) {
    return Internal(fmt::format("a frame of {} bytes: the stream is broken", size));
  }
  if (end_ - begin_ < kFrameHeaderBytes + size) return std::optional<Frame>();
  const Frame frame{static_cast<FrameType>(buffer_[begin_ + 4]),
                    std::string_view(buffer_).substr(begin_ + kFrameHeaderBytes, size)};
  begin_ += kFrameHeaderBytes + size;
  return std::optional<Frame>(frame);
}

}  // namespace tarn::protocol
