#include "base/text_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

namespace tarn {
namespace {

using testing::ElementsAre;

TEST(TextList, HasItsTextsInOrder) {
  const std::string zeros(2, '\0');
  const TextList list = {"a", "", "long text", zeros};
  EXPECT_THAT(list, ElementsAre("a", "", "long text", zeros));
  EXPECT_EQ(list.size(), 4U);
  EXPECT_EQ(list.at(2), "long text");
  EXPECT_THROW(list.at(4), std::out_of_range);
  EXPECT_EQ(list, TextList(std::vector<std::string>{"a", "", "long text", zeros}));
  EXPECT_NE(list, (TextList{"a", "", "long text"}));
  EXPECT_NE((TextList{"ab", "c"}), (TextList{"a", "bc"}));
}

TEST(TextList, IsEmptyWithoutTexts) {
  EXPECT_TRUE(TextList().empty());
  EXPECT_EQ(TextList(), TextList(std::vector<std::string>()));
  EXPECT_THROW(TextList().at(0), std::out_of_range);
  EXPECT_EQ(TextList().bytes(), 0U);
  EXPECT_EQ(TextList().Encode(), "");
  EXPECT_EQ(TextList::Decode(""), TextList());
}

TEST(TextList, SharesItsTextsWithCopies) {
  const TextList list = {"shared"};
  const TextList copy = list;  // NOLINT(performance-unnecessary-copy-initialization)
  EXPECT_EQ(list[0].data(), copy[0].data());
}

TEST(TextList, TakesLittleMoreThanItsTexts) {
  TextList::Builder builder;
  for (int i = 0; i < 1000; ++i) builder.Add(std::string(60, 'k'));
  EXPECT_LE(builder.Build().bytes(), 1000U * (60 + 4) + 64);
}

TEST(TextList, DecodesTheEncodedTexts) {
  for (const size_t size : {0, 1, 127, 128, 16383, 16384, 100'000}) {
    const TextList list = {"before", std::string(size, 'x'), "after"};
    EXPECT_EQ(TextList::Decode(list.Encode()), list) << size;
  }
}

TEST(TextList, RefusesOtherTexts) {
  const std::string encoded = TextList{"some text"}.Encode();
  EXPECT_EQ(TextList::Decode(encoded.substr(0, encoded.size() - 1)), std::nullopt);
  EXPECT_EQ(TextList::Decode("\xFF\xFF\xFF\xFF\xFF\xFF"), std::nullopt) << "a number too large";
  EXPECT_EQ(TextList::Decode("\x80"), std::nullopt) << "half a number";
  // The same texts in each run. NOLINTNEXTLINE(cert-msc51-cpp,bugprone-random-generator-seed)
  std::mt19937 random(1);
  for (int i = 0; i < 10'000; ++i) {
    std::string bytes(random() % 20, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    const auto list = TextList::Decode(bytes);
    EXPECT_LE(list.value_or(TextList()).size(), bytes.size());
  }
}

}  // namespace
}  // namespace tarn
