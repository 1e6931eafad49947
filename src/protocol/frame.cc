#include "protocol/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace tarn::protocol {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;
constexpr size_t kGiB = 1024 * kMiB;

// The size of the first read of a frame.
constexpr size_t kFirstReadBytes = 256 * kKiB;
// A larger buffer is freed once it is empty.
constexpr size_t kKeptBufferBytes = kMiB;

// For numbers and flags.
constexpr size_t kSmallBytesMax = kKiB;
// For up to two texts of kErrorBytesMax.
constexpr size_t kTextBytesMax = 32 * kKiB;
// For the names of Begun::kReadsMax datasets.
constexpr size_t kBegunBytesMax = 64 * kMiB;
// The engine writes frames of 256 KiB of rows.
constexpr size_t kRowsBytesMax = kMiB;
// For the columns of a dataset, and the ETag and group of 1,000,000 objects.
constexpr size_t kProbedBytesMax = 64 * kMiB;

}  // namespace

std::optional<size_t> PayloadBytesMax(Channel channel, FrameType type) {
  const auto only_on = [channel](Channel of_type, size_t bytes) {
    const bool belongs = channel == Channel::kAny || channel == of_type;
    return belongs ? std::optional<size_t>(bytes) : std::nullopt;
  };
  const auto only_on_control = [channel](size_t bytes) {
    return channel == Channel::kSlotFromEngine ? std::nullopt : std::optional<size_t>(bytes);
  };
  switch (type) {
    case FrameType::kSetup:
    case FrameType::kProbe:
    case FrameType::kApplyViews:
    case FrameType::kCancel:
    case FrameType::kQuery:
      return only_on(Channel::kAny, kGiB);
    case FrameType::kHurry:  // Sent in both directions.
      return only_on(Channel::kControlFromEngine, kTextBytesMax);
    case FrameType::kProbeProgress:
    case FrameType::kDecoding:
      return only_on(Channel::kControlFromProbes, kSmallBytesMax);
    case FrameType::kProbed:
      return only_on(Channel::kControlFromProbes, kProbedBytesMax);
    case FrameType::kViewsApplied:
    case FrameType::kProgress:
    case FrameType::kCached:
      return only_on_control(kSmallBytesMax);
    case FrameType::kReady:
    case FrameType::kUnhealthy:
      return only_on_control(kTextBytesMax);
    case FrameType::kBegun:
      return only_on(Channel::kSlotFromEngine, kBegunBytesMax);
    case FrameType::kRows:
      return only_on(Channel::kSlotFromEngine, kRowsBytesMax);
    case FrameType::kEnd:
      return only_on(Channel::kSlotFromEngine, kSmallBytesMax);
    case FrameType::kFailed:
      return only_on(Channel::kSlotFromEngine, kTextBytesMax);
  }
  return std::nullopt;  // Not a known type.
}

void AppendFrameHeader(FrameType type, size_t payload_bytes, std::string& out) {
  TARN_ASSERT(payload_bytes <= std::numeric_limits<uint32_t>::max(), "a frame is too large");
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
    if (buffer_.size() > kKeptBufferBytes) std::string().swap(buffer_);
  } else if (begin_ > 0 && end_ + bytes > buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ + bytes > buffer_.size()) buffer_.resize(end_ + bytes);
  return buffer_.data() + end_;
}

void FrameReader::Commit(size_t bytes) {
  TARN_ASSERT(bytes <= buffer_.size() - end_, "more bytes were received than there is room for");
  end_ += bytes;
}

size_t FrameReader::PayloadBytes() const {
  size_t size = 0;
  for (size_t i = 0; i < 4; ++i) {
    size |= static_cast<size_t>(static_cast<unsigned char>(buffer_[begin_ + i])) << (8 * i);
  }
  return size;
}

FrameType FrameReader::Type() const { return static_cast<FrameType>(buffer_[begin_ + 4]); }

size_t FrameReader::Missing() const {
  const size_t have = end_ - begin_;
  if (have < kFrameHeaderBytes) return kFrameHeaderBytes - have;
  const size_t whole = kFrameHeaderBytes + PayloadBytes();
  if (whole <= have) return 1;
  return std::min(whole - have, std::max(have, kFirstReadBytes));
}

Result<std::optional<Frame>> FrameReader::Next() {
  if (end_ - begin_ < kFrameHeaderBytes) return std::optional<Frame>();
  const size_t size = PayloadBytes();
  const std::optional<size_t> limit = PayloadBytesMax(channel_, Type());
  if (!limit) {
    return Internal(fmt::format("unexpected frame type {}", static_cast<int>(Type())));
  }
  if (size > *limit) {
    return Internal(fmt::format("frame of type {} has {} bytes, at most {} are allowed",
                                static_cast<int>(Type()), size, *limit));
  }
  if (end_ - begin_ < kFrameHeaderBytes + size) return std::optional<Frame>();
  const Frame frame{Type(), std::string_view(buffer_).substr(begin_ + kFrameHeaderBytes, size)};
  begin_ += kFrameHeaderBytes + size;
  return std::optional<Frame>(frame);
}

}  // namespace tarn::protocol
