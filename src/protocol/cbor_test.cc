#include "protocol/cbor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tarn::protocol {

struct Inner {
  std::string text;
  bool is_set = false;
  bool operator==(const Inner&) const = default;
};
auto Fields(SameAs<Inner> auto& m) { return std::tie(m.text, m.is_set); }

struct Outer {
  uint64_t number = 0;
  int64_t sign = 0;
  uint8_t small = 0;
  std::vector<Inner> list;
  TextList texts;
  bool operator==(const Outer&) const = default;
};
auto Fields(SameAs<Outer> auto& m) { return std::tie(m.number, m.sign, m.small, m.list, m.texts); }

namespace {

template <class T>
std::string Encode(const T& value) {
  std::string bytes;
  CborWriter(bytes).Write(value);
  return bytes;
}

template <class T>
bool Decode(std::string_view bytes, T& value) {
  CborReader reader(bytes, 1000);
  return reader.Read(value) && reader.rest().empty();
}

const Outer& Sample() {
  static const Outer kSample{.number = UINT64_MAX,
                             .sign = INT64_MIN,
                             .small = 255,
                             .list = {{"", true}, {std::string(300, 'x'), false}},
                             .texts = {"a", ""}};
  return kSample;
}

TEST(Cbor, RoundTripsAStruct) {
  Outer read;
  ASSERT_TRUE(Decode(Encode(Sample()), read));
  EXPECT_EQ(read, Sample());
}

// Another implementation reads the same values.
TEST(Cbor, IsStandardCbor) {
  const auto json = nlohmann::json::from_cbor(Encode(Sample()));
  EXPECT_EQ(json[0], UINT64_MAX);
  EXPECT_EQ(json[1], INT64_MIN);
  EXPECT_EQ(json[2], 255);
  EXPECT_EQ(json[3][0][0].get_binary().size(), 0U);
  EXPECT_EQ(json[3][0][1], true);
  EXPECT_EQ(json[3][1][0].get_binary().size(), 300U);
  EXPECT_EQ(json[3][1][1], false);
}

TEST(Cbor, RoundTripsNumbersOfAllWidths) {
  for (unsigned bits = 0; bits < 64; ++bits) {
    for (const uint64_t number : {(uint64_t{1} << bits) - 1, uint64_t{1} << bits}) {
      uint64_t read = 0;
      ASSERT_TRUE(Decode(Encode(number), read));
      EXPECT_EQ(read, number);
      EXPECT_EQ(nlohmann::json::from_cbor(Encode(number)), number);
      const auto sign = static_cast<int64_t>(0 - number);
      int64_t read_sign = 0;
      ASSERT_TRUE(Decode(Encode(sign), read_sign));
      EXPECT_EQ(read_sign, sign);
      EXPECT_EQ(nlohmann::json::from_cbor(Encode(sign)), sign);
    }
  }
}

TEST(Cbor, RejectsNumbersThatDoNotFit) {
  uint8_t small = 0;
  EXPECT_FALSE(Decode(Encode(uint64_t{256}), small));
  EXPECT_FALSE(Decode(Encode(int64_t{-1}), small));
  int8_t sign = 0;
  EXPECT_TRUE(Decode(Encode(int64_t{-128}), sign));
  EXPECT_FALSE(Decode(Encode(int64_t{-129}), sign));
  EXPECT_FALSE(Decode(Encode(int64_t{128}), sign));
}

TEST(Cbor, RejectsTruncatedInput) {
  const std::string whole = Encode(Sample());
  for (size_t size = 0; size < whole.size(); ++size) {
    Outer read;
    EXPECT_FALSE(Decode(whole.substr(0, size), read)) << size;
  }
}

// The first bytes 0x1C to 0x1F of each kind are reserved, or begin an item of indefinite length.
TEST(Cbor, RejectsReservedHeads) {
  for (unsigned first = 0; first < 256; ++first) {
    if ((first & 0x1FU) < 0x1C) continue;
    const std::string bytes(20, static_cast<char>(first));
    uint64_t number = 0;
    int64_t sign = 0;
    std::string text;
    bool is_set = false;
    EXPECT_FALSE(Decode(bytes, number) || Decode(bytes, sign) || Decode(bytes, text) ||
                 Decode(bytes, is_set))
        << first;
  }
}

TEST(Cbor, LimitsTheNumberOfItems) {
  const std::string bytes = Encode(std::vector<uint64_t>(9));
  std::vector<uint64_t> read;
  EXPECT_TRUE(CborReader(bytes, 10).Read(read));
  EXPECT_FALSE(CborReader(bytes, 9).Read(read));
  EXPECT_EQ(CborReader(bytes, 100).CountItems(), 10U);
  EXPECT_EQ(CborReader(Encode(Sample()), 100).CountItems(), 12U);
}

}  // namespace
}  // namespace tarn::protocol
