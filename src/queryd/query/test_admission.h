#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "queryd/query/admission.h"
#include "queryd/query/test_io.h"

namespace tarn::queryd {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Permit = Admission::Permit;

inline asio::awaitable<Result<Permit>> EnterWith(Admission& admission,
                                                 std::shared_ptr<Query> query) {
  Result<Permit> permit = co_await admission.Enter(*query);
  co_return permit;
}

using User = std::shared_ptr<const auth::Identity>;

inline User Token(const std::string& name, uint32_t weight = 1) {
  return std::make_shared<const auth::Identity>(
      auth::Identity{.name = name, .roles = {}, .datasets = {}, .weight = weight});
}

inline std::shared_ptr<Query> NewQuery(const asio::any_io_executor& executor,
                                       const User& user = auth::Anonymous()) {
  return std::make_shared<Query>(executor, QueryInfo{.id = "q"}, user, 1h);
}

class AdmissionTest : public testing::Test {
 protected:
  IoThreads io{3};

  std::shared_ptr<Query> New(const User& user = auth::Anonymous()) {
    return NewQuery(io.NewStrand(), user);
  }
  static std::future<Result<Permit>> Enter(Admission& admission,
                                           const std::shared_ptr<Query>& query) {
    return Spawn(query->executor(), EnterWith(admission, query));
  }
  std::future<Result<Permit>> Enter(Admission& admission) { return Enter(admission, New()); }
  // Adds a query to the end of the queue.
  std::future<Result<Permit>> Queue(Admission& admission, const std::shared_ptr<Query>& query) {
    const size_t before = admission.queued();
    auto entered = Enter(admission, query);
    EXPECT_TRUE(Eventually([&] { return admission.queued() == before + 1; }));
    return entered;
  }
};

}  // namespace tarn::queryd
