#include <fmt/format.h>
#include <gtest/gtest.h>

#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "duck/quote.h"
#include "ingest/converter.h"
#include "ingest/test_folder.h"
#include "ingest/text_kinds.h"
#include "ingest/text_rules.h"

namespace tarn::ingest {
namespace {

constexpr std::pair<KindSet, const char*> kCastKinds[] = {{kBigint, "BIGINT"},
                                                          {kUbigint, "UBIGINT"},
                                                          {kDecimal38, "DECIMAL(38,0)"},
                                                          {kDouble, "DOUBLE"},
                                                          {kBoolean, "BOOLEAN"},
                                                          {kUuid, "UUID"},
                                                          {kTime, "TIME"},
                                                          {kDate, "DATE"},
                                                          {kTimestamp, "TIMESTAMP"},
                                                          {kTimestampNs, "TIMESTAMP_NS"},
                                                          {kTimestampTz, "TIMESTAMPTZ"}};

constexpr const char* kTexts[] = {"0",
                                  "-0",
                                  "7",
                                  "-9223372036854775808",
                                  "9223372036854775807",
                                  "9223372036854775808",
                                  "18446744073709551615",
                                  "18446744073709551616",
                                  "99999999999999999999999999999999999999",
                                  "1.5",
                                  "-.5",
                                  "+1.5",
                                  "5.",
                                  "1e5",
                                  "1E-5",
                                  "+1.5e+300",
                                  "0.1234567890123456",
                                  "nan",
                                  "-inf",
                                  "Infinity",
                                  "true",
                                  "FALSE",
                                  "550e8400-e29b-41d4-a716-446655440000",
                                  "0:00",
                                  "9:05",
                                  "23:59:59",
                                  "23:59:59.999999",
                                  "12:00:00.1000000",
                                  "2026-01-31",
                                  "2024-02-29",
                                  "2026-1-5",
                                  "0001-01-01",
                                  "9999-12-31",
                                  "infinity",
                                  "-infinity",
                                  "2026-01-31 12:00",
                                  "2026-01-31T9:05:07",
                                  "2026-01-31 12:00:00.123456",
                                  "2026-01-31 12:00:00.123456789",
                                  "1678-01-01 00:00:00",
                                  "2261-12-31 23:59:59",
                                  "2026-01-31T12:00:00Z",
                                  "2026-01-31 12:00:00 UTC",
                                  "2026-01-31 12:00:00+02",
                                  "2026-01-31 12:00:00+0200",
                                  "2026-01-31 12:00:00-15:59",
                                  "0001-01-01 00:00:00+15:59",
                                  "9999-12-31 23:59:59-15:59"};

TEST(TextKinds, AreTypesThatDuckdbCastsTo) {
  const TestFolder workspace;
  Converter converter = *Converter::Open(workspace.path(), {});
  for (const char* text : kTexts) {
    const KindSet kinds = KindsOf(text, kValueKinds | kStringKinds);
    EXPECT_NE(kinds, 0) << text;
    for (const auto& [kind, type] : kCastKinds) {
      if ((kinds & kind) == 0) continue;
      const auto row = converter.FirstRow(
          fmt::format("SELECT TRY_CAST({} AS {}) IS NOT NULL", duck::QuoteLiteral(text), type));
      ASSERT_TRUE(row.ok()) << row.error().message;
      EXPECT_EQ(row->at(0), "true") << text << " as " << type;
    }
  }
}

TEST(RuleOf, HoldsForTextsThatDuckdbCasts) {
  const TestFolder workspace;
  Converter converter = *Converter::Open(workspace.path(), {});
  const std::vector<std::pair<const char*, const char*>> others = {
      {"7.", "INTEGER"},
      {"007.00", "BIGINT"},
      {" +7 ", "TINYINT"},
      {"+0", "UINTEGER"},
      {"-0.0", "BIGINT"},
      {".5", "DECIMAL(4,1)"},
      {"5.", "DECIMAL(4,1)"},
      {"+001.50", "DECIMAL(4,1)"},
      {" 1e5 ", "DOUBLE"},
      {"0.100000001", "FLOAT"},
      {"2026-01-02T00:00", "DATE"},
      {" 2026-01-02 00:00:00 ", "DATE"},
      {"0101", "BIT"},
      {"TRUE", "BOOLEAN"},
      {"12:00", "TIME"},
      {" 2026-01-31T12:00:00Z ", "TIMESTAMP WITH TIME ZONE"}};
  std::vector<std::pair<std::string, std::string>> cases(others.begin(), others.end());
  for (const char* text : kTexts) {
    for (const auto& [kind, type] : kCastKinds) cases.emplace_back(text, type);
  }
  for (const auto& [text, type] : cases) {
    const TextRule rule = RuleOf(type);
    if (rule == nullptr || !rule(text)) continue;
    const auto row = converter.FirstRow(
        fmt::format("SELECT TRY_CAST({} AS {}) IS NOT NULL", duck::QuoteLiteral(text), type));
    ASSERT_TRUE(row.ok()) << row.error().message;
    EXPECT_EQ(row->at(0), "true") << text << " as " << type;
  }
  for (const auto& [text, type] : others) EXPECT_TRUE(RuleOf(type)(text)) << text;
}

}  // namespace
}  // namespace tarn::ingest
