#include <fmt/format.h>
#include <gtest/gtest.h>

#include <stop_token>
#include <utility>

#include "cli/converter.h"
#include "cli/up/workspace.h"
#include "duck/quote.h"
#include "ingest/text_kinds.h"

namespace tarn::cli {
namespace {

constexpr std::pair<ingest::KindSet, const char*> kCastKinds[] = {
    {ingest::kBigint, "BIGINT"},
    {ingest::kUbigint, "UBIGINT"},
    {ingest::kDecimal38, "DECIMAL(38,0)"},
    {ingest::kDouble, "DOUBLE"},
    {ingest::kBoolean, "BOOLEAN"},
    {ingest::kUuid, "UUID"},
    {ingest::kTime, "TIME"},
    {ingest::kDate, "DATE"},
    {ingest::kTimestamp, "TIMESTAMP"},
    {ingest::kTimestampNs, "TIMESTAMP_NS"},
    {ingest::kTimestampTz, "TIMESTAMPTZ"}};

constexpr const char* kTexts[] = {"0",
                                  "-0",
                                  "7",
                                  " 7 ",
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
                                  "0.12345678901234567",
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
                                  " 2026-01-31 ",
                                  " 12:00:00 ",
                                  " 2026-01-31 12:00:00Z ",
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
  const Workspace workspace = *Workspace::Make();
  Converter converter = *Converter::Open(workspace.path(), {});
  for (const char* text : kTexts) {
    const ingest::KindSet kinds = ingest::KindsOf(text, ingest::kValueKinds | ingest::kStringKinds);
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

}  // namespace
}  // namespace tarn::cli
