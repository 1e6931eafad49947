#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "protocol/format.h"

namespace tarn::result {

// Compresses a stream of bytes piece by piece. Each function appends the available output to `out`.
// Uses bounded memory. Throws std::bad_alloc.
//
// Not thread-safe.
class Compressor {
 public:
  // kNone copies the bytes.
  static std::unique_ptr<Compressor> Make(Compression compression);
  virtual ~Compressor() = default;

  // May hold the bytes back, to compress them with later ones.
  virtual void Write(std::string_view bytes, std::string& out) = 0;

  // Outputs all bytes so far, so that the reader can decompress them. Makes the compression
  // slightly worse.
  virtual void Flush(std::string& out) = 0;

  // Ends the stream. Call no function after it.
  virtual void Finish(std::string& out) = 0;
};

}  // namespace tarn::result
