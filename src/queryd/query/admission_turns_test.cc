#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "queryd/query/test_admission.h"

namespace tarn::queryd {
namespace {

class TurnsTest : public AdmissionTest {
 protected:
  std::vector<std::string> Turns(Admission& admission, Result<Permit>& running,
                                 const std::vector<User>& arrivals) {
    std::vector<std::future<Result<Permit>>> waiting;
    waiting.reserve(arrivals.size());
    for (const User& user : arrivals) waiting.push_back(Queue(admission, New(user)));
    std::vector<std::string> turns;
    for (size_t i = 0; i < arrivals.size(); ++i) {
      running->Release();
      size_t next = 0;
      EXPECT_TRUE(Eventually([&] {
        for (next = 0; next < waiting.size(); ++next) {
          if (waiting[next].valid() && IsReady(waiting[next])) return true;
        }
        return false;
      }));
      running = waiting[next].get();
      EXPECT_TRUE(running.ok());
      turns.push_back(arrivals[next]->name);
    }
    return turns;
  }
};

TEST_F(TurnsTest, AQueryWaitsForOneSlotBehindManyOfAnotherToken) {
  Admission admission({.running_max = 1, .queue_max = 400, .queue_timeout = 1h});
  const User red = Token("red");
  Result<Permit> running = Get(Enter(admission, New(red)));
  std::vector<User> arrivals(300, red);
  arrivals.push_back(Token("blue"));
  const std::vector<std::string> turns = Turns(admission, running, arrivals);
  EXPECT_EQ(turns.front(), "blue");
  EXPECT_EQ(std::count(turns.begin(), turns.end(), "red"), 300);
}

TEST_F(TurnsTest, TokensAlternateInTheOrderOfTheirOwnQueries) {
  Admission admission({.running_max = 1, .queue_max = 100, .queue_timeout = 1h});
  const User red = Token("red");
  const User blue = Token("blue");
  Result<Permit> running = Get(Enter(admission, New(red)));
  EXPECT_THAT(Turns(admission, running, {red, red, red, blue, blue, blue}),
              testing::ElementsAre("blue", "red", "blue", "red", "blue", "red"));
}

TEST_F(TurnsTest, AWeightOfThreeHasThreeTurnsForOne) {
  Admission admission({.running_max = 1, .queue_max = 100, .queue_timeout = 1h});
  const User red = Token("red", 3);
  const User blue = Token("blue");
  Result<Permit> running = Get(Enter(admission, New(Token("green"))));
  std::vector<User> arrivals(12, red);
  arrivals.insert(arrivals.end(), 12, blue);
  const std::vector<std::string> turns = Turns(admission, running, arrivals);
  EXPECT_EQ(std::count(turns.begin(), turns.begin() + 8, "red"), 6)
      << testing::PrintToString(turns);
  EXPECT_EQ(std::count(turns.begin(), turns.begin() + 8, "blue"), 2);
}

TEST_F(TurnsTest, ATokenThatComesBackHasNotSavedTurns) {
  Admission admission({.running_max = 1, .queue_max = 100, .queue_timeout = 1h});
  const User red = Token("red");
  const User blue = Token("blue");
  Result<Permit> running = Get(Enter(admission, New(red)));
  EXPECT_THAT(Turns(admission, running, {red, red, red, red, red}), testing::SizeIs(5));
  // Red had six turns and blue none, but from now on they alternate.
  EXPECT_THAT(Turns(admission, running, {blue, blue, blue, blue, red, red}),
              testing::ElementsAre("blue", "blue", "red", "blue", "red", "blue"));
}

}  // namespace
}  // namespace tarn::queryd
