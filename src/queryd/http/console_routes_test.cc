#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "queryd/http/routes.h"

namespace tarn::queryd {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

constexpr ConsoleFile kFiles[] = {
    {"index.html", "<!doctype html>", "zipped page"},
    {"index-1a2b.js", "run()", "zipped script"},
    {"mark-3c4d.svg", "<svg/>", {}},
};

http::Response Fetch(std::string_view path, const http::Headers& headers = {}) {
  const http::Router router(ConsoleRoutes(kFiles));
  const http::Router::Match match = router.Find("GET", path);
  if (match.route == nullptr) return http::Response::Text(404, "no route");
  http::Request request;
  request.method = "GET";
  request.headers = headers;
  request.path_arguments = match.arguments;
  http::Response response;
  boost::asio::io_context io;
  const auto handle = [&]() -> boost::asio::awaitable<void> {
    Result<http::Response> handled = co_await match.route->handler(request);
    response = handled.ok() ? std::move(*handled) : http::RenderError(handled.error(), request);
  };
  boost::asio::co_spawn(io, handle, boost::asio::detached);
  io.run();
  return response;
}

std::string BodyOf(const http::Response& response) { return std::get<std::string>(response.body); }

TEST(ConsoleRoutes, AreEmptyWithoutFiles) { EXPECT_THAT(ConsoleRoutes({}), IsEmpty()); }

TEST(ConsoleRoutes, NeedNoToken) {
  for (const http::Route& route : ConsoleRoutes(kFiles)) EXPECT_TRUE(route.is_public) << route.path;
}

TEST(ConsoleRoutes, RevalidateThePage) {
  const http::Response page = Fetch("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(BodyOf(page), "<!doctype html>");
  EXPECT_THAT(page.headers, Contains(Pair("Cache-Control", "no-cache")));
}

TEST(ConsoleRoutes, CacheOtherFilesForEver) {
  const http::Response script = Fetch("/console/index-1a2b.js");
  EXPECT_EQ(script.content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(BodyOf(script), "run()");
  EXPECT_THAT(script.headers,
              Contains(Pair("Cache-Control", "public, max-age=31536000, immutable")));
  EXPECT_EQ(Fetch("/console/mark-3c4d.svg").content_type, "image/svg+xml");
}

TEST(ConsoleRoutes, SendCompressedFilesIfAccepted) {
  const http::Response page = Fetch("/", {{"Accept-Encoding", "gzip, deflate, br, zstd"}});
  EXPECT_EQ(BodyOf(page), "zipped page");
  EXPECT_THAT(page.headers, AllOf(Contains(Pair("Content-Encoding", "gzip")),
                                  Contains(Pair("Vary", "Accept-Encoding"))));
  const http::Response plain = Fetch("/", {{"Accept-Encoding", "gzip;q=0"}});
  EXPECT_THAT(plain.headers, Not(Contains(Pair("Content-Encoding", testing::_))));
  // A file without a compressed copy.
  EXPECT_EQ(BodyOf(Fetch("/console/mark-3c4d.svg", {{"Accept-Encoding", "gzip"}})), "<svg/>");
}

TEST(ConsoleRoutes, PolicyAllowsOnlyOwnFiles) {
  const http::Response page = Fetch("/");
  std::string policy;
  for (const auto& [name, value] : page.headers) {
    if (name == "Content-Security-Policy") policy = value;
  }
  EXPECT_THAT(policy, AllOf(HasSubstr("default-src 'none'"), HasSubstr("frame-ancestors 'none'"),
                            Not(HasSubstr("unsafe")), Not(HasSubstr("http")), Not(HasSubstr("*"))));
}

TEST(ConsoleRoutes, RefuseUnknownFiles) {
  for (const char* path : {"/console/nowhere.js", "/console/index-1a2b.js.gz", "/console/",
                           "/console", "/console/..", "/console/x/y", "/index.html"}) {
    EXPECT_EQ(Fetch(path).status, 404) << path;
  }
}

}  // namespace
}  // namespace tarn::queryd
