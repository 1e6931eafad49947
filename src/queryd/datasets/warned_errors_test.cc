#include "queryd/datasets/warned_errors.h"

#include <gtest/gtest.h>

namespace tarn::queryd {
namespace {

using namespace std::chrono_literals;

constexpr WarnedErrors::Clock::time_point kStart{100h};

TEST(WarnedErrors, ReportsEachErrorOnceInAnyCombination) {
  WarnedErrors errors(1h);
  EXPECT_TRUE(errors.Note({"a", "b", "c"}, kStart));
  EXPECT_FALSE(errors.Note({"c", "a", "b"}, kStart + 1s));
  EXPECT_FALSE(errors.Note({"b"}, kStart + 2s));
  EXPECT_TRUE(errors.Note({"b", "d"}, kStart + 3s));
  EXPECT_FALSE(errors.Note({"d", "a"}, kStart + 4s));
}

TEST(WarnedErrors, ReportsKnownErrorsAgainAfterTheInterval) {
  WarnedErrors errors(1h);
  EXPECT_TRUE(errors.Note({"a", "b"}, kStart));
  EXPECT_FALSE(errors.Note({"a"}, kStart + 1h - 1s));
  EXPECT_TRUE(errors.Note({"a"}, kStart + 1h));
  EXPECT_FALSE(errors.Note({"a"}, kStart + 1h + 1s));
  EXPECT_TRUE(errors.Note({"b"}, kStart + 1h + 2s)) << "it was not in the last warning";
}

TEST(WarnedErrors, ReportsAnErrorThatComesBack) {
  WarnedErrors errors(1h);
  EXPECT_TRUE(errors.Note({"a"}, kStart));
  EXPECT_FALSE(errors.Note({}, kStart + 1s));
  EXPECT_TRUE(errors.Note({"a"}, kStart + 2s));
}

TEST(WarnedErrors, ReportsEachRefreshWithoutAnInterval) {
  WarnedErrors errors(0s);
  EXPECT_TRUE(errors.Note({"a"}, kStart));
  EXPECT_TRUE(errors.Note({"a"}, kStart));
}

}  // namespace
}  // namespace tarn::queryd
