#include "ingest/text_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace tarn::ingest {
namespace {

struct EncodedText {
  const char* encoding;
  std::string bytes;
};

class TextOfOneCharacter : public testing::TestWithParam<EncodedText> {
 protected:
  ~TextOfOneCharacter() override { std::filesystem::remove(path_); }

  // Returns the text that the reader gets in blocks of this size.
  Result<std::string> Read(size_t block_bytes) {
    std::ofstream(path_, std::ios::binary) << GetParam().bytes;
    TARN_TRY(TextReader reader,
             TextReader::Open(
                 {.path = path_, .encoding = GetParam().encoding, .block_bytes = block_bytes},
                 [](uint64_t) { return Result<>(); }));
    std::string text;
    for (;;) {
      TARN_TRY(const std::string_view block, reader.Next());
      if (block.empty()) return text;
      text += block;
    }
  }

  const std::string path_ = testing::TempDir() + "text-reader." + std::to_string(getpid());
};

TEST_P(TextOfOneCharacter, HasNoByteOrderMarkForAnyBlockSize) {
  for (size_t block_bytes = 1; block_bytes <= GetParam().bytes.size(); ++block_bytes) {
    const auto text = Read(block_bytes);
    ASSERT_TRUE(text.ok()) << text.error().message;
    EXPECT_EQ(*text, "\xC3\xA9") << "in blocks of " << block_bytes << " bytes";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Encodings, TextOfOneCharacter,
    testing::Values(EncodedText{"", "\xEF\xBB\xBF\xC3\xA9"},
                    EncodedText{"utf-8", "\xEF\xBB\xBF\xC3\xA9"},
                    EncodedText{"", std::string("\xFF\xFE\xE9\0", 4)},
                    EncodedText{"utf-16", std::string("\xFF\xFE\xE9\0", 4)},
                    EncodedText{"utf-16le", std::string("\xFF\xFE\xE9\0", 4)},
                    EncodedText{"utf-16be", std::string("\xFE\xFF\0\xE9", 4)},
                    EncodedText{"utf-32", std::string("\xFF\xFE\0\0\xE9\0\0\0", 8)},
                    EncodedText{"utf-32le", std::string("\xFF\xFE\0\0\xE9\0\0\0", 8)},
                    EncodedText{"utf-32be", std::string("\0\0\xFE\xFF\0\0\0\xE9", 8)},
                    EncodedText{"gb18030", "\x84\x31\x95\x33\xA8\xA6"}));

}  // namespace
}  // namespace tarn::ingest
