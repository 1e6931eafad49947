#pragma once

// An in-process bucket for unit tests with configurable misbehaviour. System tests check the same
// requests against a real server.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "http/server.h"
#include "net/runtime.h"
#include "s3/client.h"
#include "s3/signature.h"

namespace tarn::s3 {

class TestBucket {
 public:
  struct Seen {
    std::string method;
    std::string path;
    std::string query;
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

  std::map<std::string, std::string> objects;  // Set before the first request.
  std::map<std::string, std::string> written;  // Read after the last request.
  std::atomic<bool> supports_ranges = true;
  std::atomic<bool> changes = false;     // Each response has another ETag.
  std::atomic<int> status = 0;           // The status of all responses, if not 0.
  std::atomic<int> failures = 0;         // The number of 503 responses before the next success.
  std::atomic<size_t> page_keys = 1000;  // The page size of lists.
  std::atomic<bool> encodes_keys = true;
  std::atomic<bool> lists_endlessly = false;
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
      seen_.push_back({.method = request.method,
                       .path = request.path,
                       .query = request.query,
                       .range = range,
                       .if_match = std::string(request.Header("if-match")),
                       .authorization = std::string(request.Header("authorization"))});
      number = seen_.size();
    }
    if (failures > 0) {
      --failures;
      return http::Response::Text(503, "<Error><Code>SlowDown</Code></Error>");
    }
    if (status != 0) {
      return http::Response::Text(status, "<Error><Code>NoSuchThing</Code></Error>");
    }
    if (request.path_arguments.empty()) return List(request);
    const auto found = objects.find(request.path_arguments[0]);
    if (request.method == "PUT") {
      written[request.path_arguments[0]] = request.body;
      http::Response response = http::Response::Text(200, "");
      response.headers.emplace_back("ETag", "\"new\"");
      return response;
    }
    if (request.method == "DELETE" && found != objects.end()) return {.status = 204};
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
    if (const size_t minus = range.find('-'); supports_ranges && minus != std::string::npos) {
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

  // The continuation token is '+' and the last listed key.
  http::Response List(const http::Request& request) const {
    const std::string prefix = request.Parameter("prefix").value_or("");
    const std::string token = request.Parameter("continuation-token").value_or("");
    std::string contents;
    std::string last;
    size_t count = 0;
    auto object = token.empty() ? objects.begin() : objects.upper_bound(token.substr(1));
    for (; object != objects.end() && count < page_keys; ++object) {
      if (!object->first.starts_with(prefix)) continue;
      const std::string key = encodes_keys ? EncodePath(object->first) : object->first;
      contents +=
          fmt::format("<Contents><Key>{}</Key><ETag>&quot;1&quot;</ETag><Size>{}</Size></Contents>",
                      key, object->second.size());
      last = object->first;
      ++count;
    }
    const bool has_more = object != objects.end() || lists_endlessly;
    return http::Response::Text(
        200, fmt::format(
                 "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"x\"><Name>lake</Name>{}"
                 "<IsTruncated>{}</IsTruncated>{}{}</ListBucketResult>",
                 contents, has_more, encodes_keys ? "<EncodingType>url</EncodingType>" : "",
                 has_more ? "<NextContinuationToken>+" + last + "</NextContinuationToken>" : ""));
  }

  boost::asio::awaitable<Result<http::Response>> Handle(const http::Request& request) {
    if (hangs) {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
      timer.expires_after(std::chrono::seconds(2));
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    co_return Answer(request);
  }

  http::Route RouteOf(std::string method, std::string path) {
    return {.method = std::move(method),
            .path = std::move(path),
            .handler = [this](const http::Request& request) { return Handle(request); }};
  }

  std::mutex mutex_;
  std::vector<Seen> seen_;  // guarded by mutex_
  Metrics metrics_;
  net::Runtime runtime_{1};
  http::Server server_{
      runtime_.io(),
      http::Router({RouteOf("GET", "/lake/"), RouteOf("GET", "/lake/{key}"),
                    RouteOf("PUT", "/lake/{key}"), RouteOf("DELETE", "/lake/{key}")}),
      HttpSettings(), metrics_};
};

}  // namespace tarn::s3
