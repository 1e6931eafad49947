#pragma once

// The framing of messages on a stream socket. A frame has the length of its payload (4 bytes,
// little-endian), its type (1 byte) and the payload.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::protocol {

enum class FrameType : uint8_t {
  // On the control socket, from the front:
  kSetup = 1,
  kProbe,
  kApplyViews,
  kCancel,
  // In both directions: the front forwards it to the probe process.
  kHurry,
  // On the control socket, from the engine:
  kReady,
  kProbeProgress,
  kDecoding,
  kProbed,
  kViewsApplied,
  kProgress,
  kUnhealthy,
  kCached,
  // On a slot's socket, from the front:
  kQuery,
  // On a slot's socket, from the engine. The response to a query is kBegun, any number of kRows,
  // and one kEnd or kFailed. kFailed may also come first.
  kBegun,
  kRows,
  kEnd,
  kFailed,
};

constexpr size_t kFrameHeaderBytes = 5;

// The sender and the kind of a socket, which determine the allowed frame types.
enum class Channel : uint8_t {
  kAny,                // The engine's end, which trusts the front.
  kControlFromEngine,  // A process that runs queries.
  kControlFromProbes,  // A process that reads footers.
  kSlotFromEngine,
};

// The maximum payload size of a frame type; nullopt for a type that the channel does not allow. The
// limits of the engine's types bound the memory that a compromised engine can make the front
// allocate. The limits of the front's types exceed every message of the front.
std::optional<size_t> PayloadBytesMax(Channel channel, FrameType type);

struct Frame {
  FrameType type;
  std::string_view payload;
};

// Appends only the header, for a payload that is written separately.
void AppendFrameHeader(FrameType type, size_t payload_bytes, std::string& out);
void AppendFrame(FrameType type, std::string_view payload, std::string& out);

// Splits the bytes of a socket into frames.
//
// The buffer grows with the received bytes and not with the declared length. Not thread-safe.
class FrameReader {
 public:
  explicit FrameReader(Channel channel = Channel::kAny) : channel_(channel) {}

  // Returns space for `bytes` bytes; Commit() takes the number of bytes received.
  char* Prepare(size_t bytes);
  void Commit(size_t bytes);

  // Returns the next frame, or nullopt if it is incomplete. The payload is valid until Prepare.
  // After an error the stream is unusable: the channel does not allow the type, or the payload is
  // too large for it.
  Result<std::optional<Frame>> Next();

  // The number of bytes to read next: the rest of the current frame, limited to the larger of the
  // bytes received of it and 256 KiB. At least 1.
  size_t Missing() const;

  // True if all received bytes have been returned as frames.
  bool empty() const { return begin_ == end_; }

 private:
  FrameType Type() const;
  size_t PayloadBytes() const;

  Channel channel_;
  std::string buffer_;
  size_t begin_ = 0;  // The start of the unread bytes.
  size_t end_ = 0;    // The end of the received bytes.
};

}  // namespace tarn::protocol
