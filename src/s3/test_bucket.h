#pragma once

// A bucket in this process for unit tests, which can be told to misbehave. That a real server
// understands the same requests is for the system tests.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "http/runtime.h"
#include "http/server.h"
#include "s3/client.h"

namespace tarn::s3 {

class TestBucket {
 public:
  struct Seen {
    std::string path;
    std::string range;
    std::string if_match;
    std::string authorization;
  };

  TestBucket() { EXPECT_TRUE(server_.Listen("127.0.0.1:0").ok()); }
  ~TestBucket() {
    server_.StopAccepting();
    server_.CloseAll();
    EXPECT_TRUE(server_.WaitIdle(Deadline::After(std::chrono::seconds(30))));
  }

  std::map<std::string, std::string> objects;  // Before the first request.
  std::atomic<bool> knows_ranges = true;
  std::atomic<bool> changes = false;  // Each answer has another ETag.
  std::atomic<int> status = 0;        // Instead of an answer.
  std::atomic<bool> hangs = false;

  Bucket bucket() const {
    protocol::ObjectStore store;
    store.root = "s3://lake/";
    store.host = server_.address();
    store.region = "us-east-1";
    store.use_ssl = false;
    store.use_path_style = true;
    return {.store = store, .credentials = {.access_key_id = "key", .secret_access_key = "secret"}};
  }
  std::vector<Seen> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  http::Response Answer(const http::Request& request) {
    const std::string range(request.Header("range"));
    size_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back({request.path, range, std::string(request.Header("if-match")),
                       std::string(request.Header("authorization"))});
      number = seen_.size();
    }
    if (status != 0) {
      return http::Response::Text(status, "<Error><Code>NoSuchThing</Code></Error>");
    }
    const auto found = objects.find(request.path_arguments[0]);
    if (found == objects.end()) {
      return http::Response::Text(404, "<Error><Code>NoSuchKey</Code></Error>");
    }
    const std::string& all = found->second;
    const std::string etag = fmt::format("\"{}\"", changes ? number : size_t{1});
    const std::string_view wanted = request.Header("if-match");
    if (!wanted.empty() && wanted != etag) {
      return http::Response::Text(412, "<Error><Code>PreconditionFailed</Code></Error>");
    }
    size_t begin = 0;
    size_t end = 0;
    http::Response response = http::Response::Text(200, all);
    if (const size_t minus = range.find('-'); knows_ranges && minus != std::string::npos) {
      constexpr size_t kUnit = std::string_view("bytes=").size();
      const size_t last = std::stoul(range.substr(minus + 1));
      begin = minus == kUnit ? all.size() - std::min(last, all.size())
                             : std::stoul(range.substr(kUnit, minus - kUnit));
      end = minus == kUnit ? all.size() : last + 1;
    }
    if (end > 0) {
      response = http::Response::Text(206, all.substr(begin, end - begin));
      response.headers.emplace_back("Content-Range",
                                    fmt::format("bytes {}-{}/{}", begin, end - 1, all.size()));
    }
    response.headers.emplace_back("ETag", etag);
    return response;
  }

  boost::asio::awaitable<http::Response> Handle(const http::Request& request) {
    if (hangs) {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
      timer.expires_after(std::chrono::seconds(2));
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    co_return Answer(request);
  }

  std::mutex mutex_;
  std::vector<Seen> seen_;  // guarded by mutex_
  Metrics metrics_;
  http::Runtime runtime_{1};
  http::Server server_{
      runtime_.io(),
      http::Router({{.method = "GET",
                     .path = "/lake/{key}",
                     .handler = [this](const http::Request& request) { return Handle(request); }}}),
      HttpSettings(), metrics_};
};

}  // namespace tarn::s3
