#include "http/router.h"

#include <gtest/gtest.h>

namespace tarn::http {
namespace {

Router MakeRouter() {
  return Router({{.method = "GET", .path = "/catalog/list"},
                 {.method = "GET", .path = "/catalog/datasets/{name}"},
                 {.method = "PUT", .path = "/catalog/datasets/{name}"},
                 {.method = "GET", .path = "/"}});
}

TEST(Router, FindsByMethodAndPath) {
  const Router router = MakeRouter();
  EXPECT_EQ(router.Find("GET", "/catalog/list").route, &router.routes()[0]);
  EXPECT_EQ(router.Find("HEAD", "/catalog/list").route, &router.routes()[0]);
  EXPECT_EQ(router.Find("GET", "/").route, &router.routes()[3]);
  const auto match = router.Find("PUT", "/catalog/datasets/a%2Fb%20%C3%A9");
  EXPECT_EQ(match.route, &router.routes()[2]);
  EXPECT_EQ(match.arguments, std::vector<std::string>{"a/b \xC3\xA9"});
}

TEST(Router, DistinguishesUnknownPathAndWrongMethod) {
  const Router router = MakeRouter();
  EXPECT_EQ(router.Find("GET", "/nothing").allow, "");
  EXPECT_EQ(router.Find("GET", "/catalog/datasets/a/b").allow, "");
  EXPECT_EQ(router.Find("GET", "/catalog/datasets/").allow, "");
  EXPECT_EQ(router.Find("GET", "*").allow, "");
  EXPECT_EQ(router.Find("DELETE", "/catalog/datasets/x").allow, "GET, HEAD, PUT");
  EXPECT_EQ(router.Find("DELETE", "/catalog/datasets/x").route, nullptr);
}

TEST(Router, DetectsInvalidPercentEncoding) {
  EXPECT_TRUE(MakeRouter().Find("GET", "/catalog/datasets/%zz").bad_encoding);
}

}  // namespace
}  // namespace tarn::http
