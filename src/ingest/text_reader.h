#pragma once

// Converts the text of a file in any encoding to UTF-8.

#include <iconv.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ingest/byte_reader.h"

namespace tarn::ingest {

// True for the name of a known encoding, such as "latin-1", "windows-1252" or "utf-16".
bool IsEncoding(const std::string& name);

struct TextFile {
  std::string path;
  std::string encoding = {};  // Empty: detected.
  size_t block_bytes = kBlockBytes;
};

// Reads the text of a file, decompressed and without a byte order mark. If no encoding is given, a
// file that begins with the byte order mark of UTF-16 is UTF-16, and any other file UTF-8. UTF-8 is
// not validated.
class TextReader {
 public:
  static Result<TextReader> Open(const TextFile& file, ReadHook hook);

  // The next bytes, valid until the next call; empty at the end.
  Result<std::string_view> Next();

  // True if the text differs from the bytes of the file, apart from the byte order mark.
  bool is_converted() const { return converter_ != nullptr; }

 private:
  using Converter = std::unique_ptr<void, int (*)(iconv_t)>;

  TextReader(std::string path, ByteReader bytes)
      : path_(std::move(path)), bytes_(std::move(bytes)), converter_(nullptr, &iconv_close) {}
  Result<> Start(const std::string& encoding);
  Result<> Convert(std::string_view bytes);
  Error NotTextError() const;

  std::string path_;
  ByteReader bytes_;
  Converter converter_;
  std::string encoding_;
  std::string pending_;      // Bytes that were read to detect the encoding.
  bool is_started_ = false;  // The first character was converted.
  std::string rest_;         // The first bytes of an incomplete character.
  std::string converted_;    // The last result of Next().
  uint64_t lines_ = 1;       // The current line, after all converted text.
};

// Writes the text of a file as UTF-8 into a new file `out`. Returns false, and writes nothing, if
// the file is UTF-8 already.
Result<bool> ConvertToUtf8(const TextFile& file, const std::string& out, const ReadHook& hook);

}  // namespace tarn::ingest
