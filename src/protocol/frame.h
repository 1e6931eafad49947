#pragma once

// Frames: how messages follow each other on a stream socket. A frame is its payload's length
// (4 bytes, little-endian), its type (1 byte) and the payload.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::protocol {

enum class FrameType : uint8_t {
  // On the control socket, from the front.
  kSetup = 1,
  kProbe,
  kApplyViews,
  kCancel,
  // From an engine too: the front passes it on to the process that probes.
  kHurry,
  // On the control socket, from the engine.
  kReady,
  kProbeProgress,
  kDecoding,
  kProbed,
  kViewsApplied,
  kProgress,
  kUnhealthy,
  kCached,
  // On a slot's socket, from the front.
  kQuery,
  // On a slot's socket, from the engine. A query is answered by kBegun and any number of kRows,
  // then one kEnd or one kFailed; the latter may come first.
  kBegun,
  kRows,
  kEnd,
  kFailed,
};

constexpr size_t kFrameHeaderBytes = 5;

// Who sends on a socket, and which of the two kinds of sockets it is: decides the types of frames
// that may come.
enum class Channel : uint8_t {
  kAny,                // The engine's end: it trusts the front.
  kControlFromEngine,  // A process that runs queries.
  kControlFromProbes,  // A process that reads footers.
  kSlotFromEngine,
};

// The most bytes of a payload of that type. None for a type that does not belong to the channel.
// The limits of the engine's types bound what an engine that was taken over can make the front
// allocate; those of the front's types are beyond each message that the front writes.
std::optional<size_t> PayloadBytesMax(Channel channel, FrameType type);

struct Frame {
  FrameType type;
  std::string_view payload;
};

// The header alone, of a payload that is written behind it.
void AppendFrameHeader(FrameType type, size_t payload_bytes, std::string& out);
void AppendFrame(FrameType type, std::string_view payload, std::string& out);

// Takes bytes as they come from a socket and gives the frames that are complete.
//
// The buffer grows with the bytes that have come, not with the length that a header tells. Not
// thread-safe.
class FrameReader {
 public:
  explicit FrameReader(Channel channel = Channel::kAny) : channel_(channel) {}

  // Room for `bytes` more; how many came is told by Commit.
  char* Prepare(size_t bytes);
  void Commit(size_t bytes);

  // The next frame, none when it is not complete. Its payload is valid until Prepare. The error
  // means that the stream cannot be read on: a type that does not belong to the channel, or a
  // payload that is larger than its type may be.
  Result<std::optional<Frame>> Next();

  // How many bytes more to make room for: those that the frame that has begun still needs, but no
  // more than have come of it, or 256 KiB. At least 1.
  size_t Missing() const;

  // True when all bytes that came were given as frames.
  bool empty() const { return begin_ == end_; }

 private:
  FrameType Type() const;
  size_t PayloadBytes() const;

  Channel channel_;
  std::string buffer_;
  size_t begin_ = 0;  // Of what was not given yet.
  size_t end_ = 0;    // Of what was committed.
};

}  // namespace tarn::protocol
