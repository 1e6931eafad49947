#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "protocol/format.h"

namespace tarn::engine {

// A stream of bytes, compressed piece by piece. Each function appends to `out` what has come out
// of the compressor by then. What it keeps is bounded. No memory for it: std::bad_alloc.
//
// Not thread-safe.
class Compressor {
 public:
  // With kNone the bytes come out as they are.
  static std::unique_ptr<Compressor> Make(Compression compression);
  virtual ~Compressor() = default;

  // May keep the bytes back, to compress them with what follows.
  virtual void Write(std::string_view bytes, std::string& out) = 0;

  // All that was written so far can be read from what has come out. Costs some of the
  // compression, so it is for when nothing may follow for a while.
  virtual void Flush(std::string& out) = 0;

  // The end of the stream. Nothing may be called after it.
  virtual void Finish(std::string& out) = 0;
};

}  // namespace tarn::engine
