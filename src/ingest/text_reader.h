#pragma once

// The text of a file as UTF-8, whatever its encoding is.

#include <iconv.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ingest/byte_reader.h"

namespace tarn::ingest {

// Whether there is an encoding of that name, as "latin-1", "windows-1252" or "utf-16".
bool IsEncoding(const std::string& name);

// Reads the text of a file, unpacked and without a byte order mark. Without an encoding that was
// given, a file is UTF-16 where it begins with the byte order mark of that, and UTF-8 else; bytes
// of UTF-8 are passed on unchecked.
class TextReader {
 public:
  static Result<TextReader> Open(const std::string& path, const std::string& encoding,
                                 ReadHook hook);

  // The next bytes, valid until the next call; empty at the end.
  Result<std::string_view> Next();

  // Whether the bytes are others than those of the file, but for its byte order mark.
  bool is_converted() const { return converter_ != nullptr; }

 private:
  using Converter = std::unique_ptr<void, int (*)(iconv_t)>;

  TextReader(std::string path, ByteReader bytes)
      : path_(std::move(path)), bytes_(std::move(bytes)), converter_(nullptr, &iconv_close) {}
  Result<> Start(const std::string& encoding);
  Result<> Convert(std::string_view bytes);
  Error NotText() const;

  std::string path_;
  ByteReader bytes_;
  Converter converter_;
  std::string encoding_;
  std::string pending_;  // Bytes that were read to find out the encoding.
  bool is_started_ = false;
  std::string rest_;       // The first bytes of an incomplete character.
  std::string converted_;  // The last result of Next().
  uint64_t lines_ = 1;     // The line behind all text converted so far.
};

// Writes the text of a file as UTF-8 into a new file `out`, where its bytes are not that already.
// False: they are, and nothing was written.
Result<bool> ConvertToUtf8(const std::string& path, const std::string& encoding,
                           const std::string& out, const ReadHook& hook);

}  // namespace tarn::ingest
