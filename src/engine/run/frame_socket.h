#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/result.h"
#include "protocol/frame.h"

namespace tarn::engine {

// The engine's end of a stream socket to the front. Blocks. One thread may read, all may write.
class FrameSocket {
 public:
  // Takes the descriptor, which must be blocking.
  explicit FrameSocket(int descriptor) : descriptor_(descriptor) {}
  ~FrameSocket();
  FrameSocket(const FrameSocket&) = delete;
  FrameSocket& operator=(const FrameSocket&) = delete;

  // Returns the next frame, which is valid until the next call, or nullopt if the front has closed
  // its end.
  Result<std::optional<protocol::Frame>> Read();

  // Shuts both directions down. A blocked Read or Write returns as if the front had closed its end.
  // Thread-safe.
  void Shutdown();

  // Returns false if the front has closed its end.
  bool Write(std::string_view bytes);
  // Writes the parts in this order, without copying them together.
  bool Write(std::string_view header, std::string_view body, std::string_view trailer = {});

 private:
  const int descriptor_;
  protocol::FrameReader reader_;
  Mutex write_mutex_;
};

}  // namespace tarn::engine
