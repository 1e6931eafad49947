// ingest/text_reader: for all block sizes, converts a text to UTF-8 like one call of iconv for the
// complete text.

#include <iconv.h>

#include <array>
#include <optional>
#include <string>

#include "base/text.h"
#include "fuzz.h"
#include "ingest/text_reader.h"
#include "memory_file.h"

using namespace tarn;          // NOLINT: the namespace under test
using namespace tarn::ingest;  // NOLINT: the namespace under test

namespace {

struct Encoding {
  const char* name;
  const char* iconv_name;
};
constexpr std::array kEncodings = {
    Encoding{"", ""},
    Encoding{"utf-8", ""},
    Encoding{"latin-1", "ISO-8859-1"},
    Encoding{"windows-1252", "WINDOWS-1252"},
    Encoding{"utf-16", "UTF-16"},
    Encoding{"utf-16be", "UTF-16BE"},
    Encoding{"shift_jis", "SHIFT_JIS"},
    Encoding{"gb18030", "GB18030"},
    Encoding{"utf-32le", "UTF-32LE"},
};

Result<std::string> Read(const TextFile& file) {
  TARN_TRY(TextReader reader, TextReader::Open(file, [](uint64_t) { return Result<>(); }));
  std::string text;
  for (;;) {
    TARN_TRY(const std::string_view block, reader.Next());
    if (block.empty()) return text;
    text += block;
  }
}

// Empty if the text is not valid in this encoding.
std::optional<std::string> Convert(std::string text, const char* encoding) {
  iconv_t converter = iconv_open("UTF-8", encoding);
  std::string out(text.size() * 4 + 16, '\0');
  char* in = text.data();
  char* to = out.data();
  size_t in_left = text.size();
  size_t out_left = out.size();
  const size_t status = iconv(converter, &in, &in_left, &to, &out_left);
  if (status != static_cast<size_t>(-1)) iconv(converter, nullptr, nullptr, &to, &out_left);
  iconv_close(converter);
  if (status == static_cast<size_t>(-1)) return std::nullopt;
  out.resize(out.size() - out_left);
  if (out.starts_with("\xEF\xBB\xBF")) out.erase(0, 3);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = tarn::fuzz::Text(data, size);
  const std::string_view line = tarn::fuzz::TakeLine(text);
  const size_t index = line.empty() ? 0 : static_cast<uint8_t>(line[0]) % kEncodings.size();
  const size_t block_bytes = line.size() > 1 ? 1 + static_cast<uint8_t>(line[1]) % 32 : 3;
  if (text.starts_with("\x1f\x8b") || text.starts_with("\x28\xb5\x2f\xfd")) return 0;
  const tarn::fuzz::MemoryFile file(text);
  const Encoding& encoding = kEncodings[index];
  const auto whole = Read({.path = file.Path(), .encoding = encoding.name});
  const auto pieces =
      Read({.path = file.Path(), .encoding = encoding.name, .block_bytes = block_bytes});
  FUZZ_CHECK(whole.ok() == pieces.ok(), encoding.name);
  if (!whole.ok()) {
    FUZZ_CHECK(whole.error().message == pieces.error().message,
               whole.error().message + "\n" + pieces.error().message);
  } else {
    FUZZ_CHECK(*whole == *pieces,
               EscapeUnprintable(*pieces) + " instead of " + EscapeUnprintable(*whole));
  }
  if (std::string_view(encoding.iconv_name).empty()) return 0;
  const auto expected = Convert(std::string(text), encoding.iconv_name);
  FUZZ_CHECK(whole.ok() == expected.has_value(), encoding.name);
  if (!expected) return 0;
  FUZZ_CHECK(*whole == *expected,
             EscapeUnprintable(*whole) + " instead of " + EscapeUnprintable(*expected));
  FUZZ_CHECK(IsValidUtf8(*whole), encoding.name);
  return 0;
}
