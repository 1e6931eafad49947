#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/gate/gate.h"

namespace tarn::engine {
namespace {

TEST(ParserFailure, DistinguishesFailuresFromSyntaxErrors) {
  const auto failure = [](const char* type, const char* message) {
    return ParserFailure(
        nlohmann::json{{"error", true}, {"error_type", type}, {"error_message", message}});
  };
  EXPECT_EQ(failure("parser", "syntax error at end of input"), std::nullopt);
  EXPECT_EQ(failure("not implemented", "Only SELECT statements can be serialized to json!"),
            std::nullopt);
  for (const auto& [type, message] : {std::pair{"parser", "std::bad_alloc"},
                                      {"Out of Memory", "failed to allocate data"},
                                      {"invalid", "Out of Memory Error: failed to pin block"}}) {
    const std::optional<Error> error = failure(type, message);
    ASSERT_TRUE(error.has_value()) << type;
    EXPECT_EQ(error->kind, ErrorKind::kOutOfMemory) << type;
  }
  EXPECT_EQ(failure("internal", "unreachable")->kind, ErrorKind::kUnavailable);
}

}  // namespace
}  // namespace tarn::engine
