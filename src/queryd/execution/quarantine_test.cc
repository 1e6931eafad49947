#include "queryd/execution/quarantine.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "queryd/query/test_io.h"

namespace tarn::queryd {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class QuarantineTest : public testing::Test {
 protected:
  Metrics metrics;

  // "runs", "alone" or the error.
  static std::string CheckOf(Quarantine& quarantine, const std::string& key,
                             const std::string& user = "u") {
    const Result<bool> checked = quarantine.Check(key, user);
    if (!checked.ok()) return checked.error().message;
    return *checked ? "alone" : "runs";
  }
};

TEST_F(QuarantineTest, RefusesAQueryThatEndedTwoProcesses) {
  Quarantine quarantine({}, metrics);
  EXPECT_EQ(CheckOf(quarantine, "a"), "runs");
  quarantine.NoteSuspect("a");
  EXPECT_EQ(CheckOf(quarantine, "a"), "alone");
  EXPECT_TRUE(quarantine.NoteCulprit("a", "u", 1));
  EXPECT_FALSE(quarantine.NoteCulprit("a", "u", 2)) << "it is refused already";
  EXPECT_EQ(CheckOf(quarantine, "a"),
            "this query ended or broke two engine processes, so it is refused for 5m "
            "(queryd.quarantine_time): change it");
  EXPECT_EQ(quarantine.Check("a", "u").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(CheckOf(quarantine, "a", "another"), HasSubstr("refused")) << "the same rights";
  EXPECT_EQ(CheckOf(quarantine, "b"), "runs");
  EXPECT_THAT(metrics.Render(), HasSubstr("tarn_queries_refused_total{reason=\"query\"} 3"));
}

TEST_F(QuarantineTest, AQueryThatEndsWellAloneIsNoSuspect) {
  Quarantine quarantine({}, metrics);
  quarantine.NoteSuspect("a");
  quarantine.NoteInnocent("a");
  EXPECT_EQ(CheckOf(quarantine, "a"), "runs");
  quarantine.NoteCulprit("a", "u", 1);
  quarantine.NoteInnocent("a");
  EXPECT_THAT(CheckOf(quarantine, "a"), HasSubstr("refused")) << "it ended a process before";
}

TEST_F(QuarantineTest, EndsAfterAWhile) {
  Quarantine quarantine({.time = 20ms, .crashes_max = 1}, metrics);
  quarantine.NoteSuspect("a");
  quarantine.NoteCulprit("b", "u", 1);
  EXPECT_TRUE(Eventually([&] { return CheckOf(quarantine, "a") == "runs"; }));
  EXPECT_TRUE(Eventually([&] { return CheckOf(quarantine, "b") == "runs"; }));
}

TEST_F(QuarantineTest, RefusesATokenWhoseQueriesEndedTooManyProcesses) {
  Quarantine quarantine({.crashes_max = 3}, metrics);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(CheckOf(quarantine, "other"), "runs");
    quarantine.NoteCulprit(fmt::format("q{}", i), "u", i);
  }
  EXPECT_THAT(CheckOf(quarantine, "other"),
              HasSubstr("ended or broke 3 engine processes within 5m"));
  EXPECT_EQ(quarantine.Check("other", "u").error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(CheckOf(quarantine, "other", "another"), "runs");
}

TEST_F(QuarantineTest, ATokenWithManyAnswersThatWereCutRunsAlone) {
  Quarantine quarantine({.crashes_max = 3}, metrics);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(CheckOf(quarantine, "other"), "runs");
    quarantine.NoteCut(fmt::format("q{}", i), "u", i);
  }
  EXPECT_EQ(CheckOf(quarantine, "other"), "alone");
  EXPECT_EQ(CheckOf(quarantine, "other", "another"), "runs");
  EXPECT_EQ(CheckOf(quarantine, "q0", "another"), "alone") << "the text is a suspect";
}

// Many answers of a token are cut when one process ends.
TEST_F(QuarantineTest, AProcessCountsOnceForEachToken) {
  Quarantine quarantine({.crashes_max = 2}, metrics);
  for (int i = 0; i < 10; ++i) quarantine.NoteCut(fmt::format("q{}", i), "u", 7);
  EXPECT_EQ(CheckOf(quarantine, "other"), "runs");
  EXPECT_EQ(CheckOf(quarantine, "q0"), "alone");
  quarantine.NoteCut("q0", "u", 8);
  EXPECT_EQ(CheckOf(quarantine, "other"), "alone");
}

TEST_F(QuarantineTest, WithoutATokenOnlyTheTextIsRefused) {
  Quarantine quarantine({.crashes_max = 2}, metrics);
  for (int i = 0; i < 5; ++i) quarantine.NoteCulprit(fmt::format("q{}", i), "", i);
  EXPECT_EQ(CheckOf(quarantine, "other", ""), "runs");
  EXPECT_THAT(CheckOf(quarantine, "q0", ""), HasSubstr("refused"));
}

TEST_F(QuarantineTest, RunsTheQueriesOfATokenThatExhaustedMemoryApart) {
  Quarantine quarantine({}, metrics);
  EXPECT_FALSE(quarantine.IsApart("u"));
  quarantine.NoteExhausted("u");
  EXPECT_TRUE(quarantine.IsApart("u"));
  EXPECT_FALSE(quarantine.IsApart("v"));
  EXPECT_EQ(CheckOf(quarantine, "a"), "runs");

  quarantine.NoteExhausted("");
  EXPECT_FALSE(quarantine.IsApart("")) << "clients without tokens cannot be told apart";

  Quarantine brief({.time = 20ms}, metrics);
  brief.NoteExhausted("u");
  EXPECT_TRUE(Eventually([&] { return !brief.IsApart("u"); }));

  Quarantine off({.time = 0s}, metrics);
  off.NoteExhausted("u");
  EXPECT_FALSE(off.IsApart("u"));
}

TEST_F(QuarantineTest, KeepsABoundedNumber) {
  Quarantine quarantine({.entries_max = 10, .crashes_max = 1}, metrics);
  for (int i = 0; i < 1000; ++i) {
    quarantine.NoteCulprit(fmt::format("q{}", i), fmt::format("u{}", i), i);
  }
  EXPECT_EQ(CheckOf(quarantine, "q0"), "runs");
  EXPECT_EQ(CheckOf(quarantine, "q989"), "runs");
  EXPECT_THAT(CheckOf(quarantine, "q990"), HasSubstr("refused"));
  EXPECT_EQ(CheckOf(quarantine, "x", "u0"), "runs");
  EXPECT_THAT(CheckOf(quarantine, "x", "u999"), HasSubstr("this token"));
}

TEST_F(QuarantineTest, ATimeOfZeroTurnsItOff) {
  Quarantine quarantine({.time = Duration::zero(), .crashes_max = 1}, metrics);
  quarantine.NoteSuspect("a");
  quarantine.NoteCulprit("a", "u", 1);
  quarantine.NoteCut("a", "u", 1);
  EXPECT_EQ(CheckOf(quarantine, "a"), "runs");
}

TEST_F(QuarantineTest, AKeyIsOfTextParametersAndRights) {
  const auth::DatasetScope all;
  const auto mine = auth::DatasetScope::Of({"mine"});
  const std::string key = Quarantine::KeyOf("SELECT 1", "", all);
  EXPECT_EQ(Quarantine::KeyOf("SELECT 1", "", all), key);
  EXPECT_NE(Quarantine::KeyOf("SELECT 2", "", all), key);
  EXPECT_NE(Quarantine::KeyOf("SELECT 1", "[1]", all), key);
  EXPECT_NE(Quarantine::KeyOf("SELECT 1", "", mine), key);
  EXPECT_NE(Quarantine::KeyOf("SELECT 1", "", auth::DatasetScope::Of({})), key);
}

}  // namespace
}  // namespace tarn::queryd
