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
  // On the control socket, from the engine.
  kReady,
  kProbeProgress,
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
// No message is larger; what is larger comes from a program that is not ours.
constexpr size_t kFramePayloadBytesMax = size_t{1024} * 1024 * 1024;

struct Frame {
  FrameType type;
  std::string_view payload;
};

// The header alone, of a payload that is written behind it.
void AppendFrameHeader(FrameType type, size_t payload_bytes, std::string& out);
void AppendFrame(FrameType type, std::string_view payload, std::string& out);

// Takes bytes as they come from a socket and gives the frames that are complete.
class FrameReader {
 public:
  // Room for `bytes` more; how many came is told by Commit.
  char* Prepare(size_t bytes);
  void Commit(size_t bytes);

  // The next frame, none when it is not complete. Its payload is valid until Prepare. The error
  // means that the stream cannot be read on.
  Result<std::optional<Frame>> Next();

  // How many bytes more the frame that has begun needs, as far as known; at least 1.
  size_t Missing() const;

 private:
  size_t PayloadBytes() const;

  std::string buffer_;
  size_t begin_ = 0;  // Of what was not given yet.
  size_t end_ = 0;    // Of what was committed.
};

}  // namespace tarn::protocol
