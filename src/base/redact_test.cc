#include "base/redact.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(Redactor, MasksEveryFormOfAValue) {
  Redactor redactor;
  redactor.Add("se'c/r\"et+");
  EXPECT_EQ(redactor.Redact("a se'c/r\"et+ b"), "a [redacted] b");
  EXPECT_EQ(redactor.Redact("SECRET 'se''c/r\"et+'"), "SECRET '[redacted]'");
  EXPECT_EQ(redactor.Redact("?k=se%27c%2Fr%22et%2B&x"), "?k=[redacted]&x");
  EXPECT_EQ(redactor.Redact("{\"k\":\"se'c/r\\\"et+\"}"), "{\"k\":\"[redacted]\"}");
}

TEST(Redactor, MasksLongerValuesFirst) {
  Redactor redactor;
  redactor.Add("KEY");
  redactor.Add("KEY-AND-MORE");
  EXPECT_EQ(redactor.Redact("x KEY-AND-MORE KEY"), "x [redacted] [redacted]");
}

TEST(Redactor, IgnoresAnEmptyValue) {
  Redactor redactor;
  redactor.Add("");
  EXPECT_EQ(redactor.Redact("text"), "text");
}

TEST(Redactor, MasksAValueContainedInTheMask) {
  Redactor redactor;
  redactor.Add("redacted");
  EXPECT_EQ(redactor.Redact("redacted"), "[redacted]");
}

}  // namespace
}  // namespace tarn
