#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/result.h"
#include "protocol/frame.h"

namespace tarn::engine {

// The engine's end of a stream socket to the front: blocking, one thread reads; any may write.
class FrameSocket {
 public:
  // Takes the descriptor, which must be blocking.
  explicit FrameSocket(int descriptor) : descriptor_(descriptor) {}
  ~FrameSocket();
  FrameSocket(const FrameSocket&) = delete;
  FrameSocket& operator=(const FrameSocket&) = delete;

  // The next frame, valid until the next call; none when the front has closed its end.
  Result<std::optional<protocol::Frame>> Read();

  // Ends both directions: a Read or a Write that waits comes back, as if the front had closed. From
  // any thread.
  void Shutdown();

  // False when the front does not read any more.
  bool Write(std::string_view bytes);
  // Parts that follow each other, without putting them together first.
  bool Write(std::string_view header, std::string_view body, std::string_view trailer = {});

 private:
  const int descriptor_;
  protocol::FrameReader reader_;
  Mutex write_mutex_;
};

}  // namespace tarn::engine
