#include "base/check.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(Check, ABrokenInvariantEndsTheProcessWithItsMessage) {
  const int count = 1;
  TARN_ASSERT(count == 1, "the count is wrong");
  EXPECT_DEATH(TARN_ASSERT(count == 2, "the count is wrong"),
               "an invariant is broken.*the count is wrong.*count == 2.*check_test.cc");
}

}  // namespace
}  // namespace tarn
