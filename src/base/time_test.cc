#include "base/time.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

using namespace std::chrono_literals;

TEST(FormatRfc3339, WritesMicrosecondsInUtc) {
  const UnixMicros start = std::chrono::sys_days(std::chrono::year(2026) / 2 / 28) + 23h + 59min;
  EXPECT_EQ(FormatRfc3339(start), "2026-02-28T23:59:00.000000Z");
  EXPECT_EQ(FormatRfc3339(start + 59s + 7us), "2026-02-28T23:59:59.000007Z");
  EXPECT_EQ(FormatRfc3339(start + 59s + 999'999us), "2026-02-28T23:59:59.999999Z");
  EXPECT_EQ(FormatRfc3339(start + 1min), "2026-03-01T00:00:00.000000Z");
  // The same second again, then an earlier one.
  EXPECT_EQ(FormatRfc3339(start + 1min + 120ms), "2026-03-01T00:00:00.120000Z");
  EXPECT_EQ(FormatRfc3339(start + 10ms), "2026-02-28T23:59:00.010000Z");
}

TEST(FormatRfc3339, WritesTimesBefore1970) {
  EXPECT_EQ(FormatRfc3339(UnixMicros(-1us)), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatRfc3339(UnixMicros(0us)), "1970-01-01T00:00:00.000000Z");
}

}  // namespace
}  // namespace tarn
