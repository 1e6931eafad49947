#include "config/settings.h"

#include <gtest/gtest.h>

#include <map>

namespace tarn {
namespace {

using namespace std::chrono_literals;

class SettingsTest : public testing::Test {
 protected:
  std::string bucket;
  enum class Format { kText, kJson };
  Format format = Format::kText;
  std::vector<std::string> hosts = {"a", "b"};
  bool path_style = true;
  std::optional<bool> use_ssl;
  int64_t workers = 4;
  Duration every = 30s;
  SettingsTable table{{
      {.key = "s3.bucket", .target = &bucket, .help = "the bucket"},
      {.key = "s3.use_path_style", .target = &path_style, .help = "h"},
      {.key = "s3.use_ssl", .target = &use_ssl, .help = "h"},
      {.key = "log.format",
       .target = Choice(&format, {{"text", Format::kText}, {"json", Format::kJson}}),
       .help = "h"},
      {.key = "http.hosts", .target = &hosts, .help = "h"},
      {.key = "queryd.workers", .target = &workers, .help = "h", .min = 1, .max = 64},
      {.key = "queryd.refresh_every", .target = &every, .help = "h"},
  }};

  std::string ErrorOf(std::string_view toml) {
    const Result<> loaded = table.LoadToml(toml, "lakehouse.toml");
    return loaded.ok() ? "" : loaded.error().message;
  }
};

TEST_F(SettingsTest, ReadsEveryType) {
  ASSERT_EQ(ErrorOf("[s3]\nbucket='lake'\nuse_path_style=false\nuse_ssl=true\n[log]\nformat="
                    "'json'\n[queryd]\nworkers=7\nrefresh_every='1m30s'\n"),
            "");
  EXPECT_EQ(bucket, "lake");
  EXPECT_FALSE(path_style);
  EXPECT_EQ(use_ssl, true);
  EXPECT_EQ(format, Format::kJson);
  EXPECT_EQ(workers, 7);
  EXPECT_EQ(every, 90s);
}

TEST_F(SettingsTest, ReadsListsInBothForms) {
  using Texts = std::vector<std::string>;
  ASSERT_EQ(ErrorOf("[http]\nhosts = ['x', 'y,z']\n"), "");
  EXPECT_EQ(hosts, (Texts{"x", "y,z"}));
  ASSERT_EQ(ErrorOf("[http]\nhosts = ' x ,y:1,,'\n"), "");
  EXPECT_EQ(hosts, (Texts{"x", "y:1"}));
  ASSERT_EQ(ErrorOf("[http]\nhosts = []\n"), "");
  EXPECT_EQ(hosts, Texts());
  const char* const wrong = "http.hosts must be a list of strings in quotes (line 2)";
  EXPECT_EQ(ErrorOf("[http]\nhosts = 3\n"), wrong);
  EXPECT_EQ(ErrorOf("[http]\nhosts = ['x', 3]\n"), wrong);
}

TEST_F(SettingsTest, KeepsDefaults) {
  ASSERT_EQ(ErrorOf(""), "");
  EXPECT_EQ(workers, 4);
  EXPECT_EQ(use_ssl, std::nullopt);
}

TEST_F(SettingsTest, ReportsAllErrorsAtOnce) {
  EXPECT_EQ(ErrorOf("[s3]\nbuckte='x'\n[queryd]\nworkers=100\nrefresh_every='soon'\n[log]\nformat="
                    "'xml'\n"),
            "log.format is \"xml\", must be one of: text, json; "
            "queryd.refresh_every is not a valid duration: \"soon\": not a number (write 30s, "
            "1m30s or 500ms); "
            "queryd.workers is 100, must be from 1 to 64; "
            "unknown key s3.buckte (line 2, did you mean s3.bucket?)");
}

TEST_F(SettingsTest, RejectsWrongTypesAndUnknownSections) {
  EXPECT_EQ(ErrorOf("[s3]\nbucket=3\n"), "s3.bucket must be a string in quotes (line 2)");
  EXPECT_EQ(ErrorOf("s3=1\n"), "s3 must be a section: write [s3] on a line of its own");
  EXPECT_EQ(ErrorOf("[query]\n"), "unknown key query (line 1, did you mean queryd?)");
  EXPECT_NE(ErrorOf("[queryd]\nrefresh_every=30\n").find("is not a valid duration"),
            std::string::npos);
  EXPECT_NE(ErrorOf("[queryd]\nrefresh_every='0s'\n").find("must be more than 0"),
            std::string::npos);
}

TEST_F(SettingsTest, ReportsThePositionOfASyntaxError) {
  EXPECT_EQ(ErrorOf("[s3]\nbucket = = 'x'\n").substr(0, 7), "line 2,");
}

TEST_F(SettingsTest, PrefersTheEnvironment) {
  const std::map<std::string, const char*> environment = {{"TARN_S3_BUCKET", "other"},
                                                          {"TARN_S3_USE_SSL", "false"},
                                                          {"TARN_QUERYD_WORKERS", "9"},
                                                          {"TARN_LOG_FORMAT", "json"},
                                                          {"TARN_HTTP_HOSTS", "x, y"}};
  const auto get = [&](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second;
  };
  ASSERT_EQ(ErrorOf("[s3]\nbucket='lake'\n"), "");
  ASSERT_TRUE(table.LoadEnvironment(get).ok());
  EXPECT_EQ(bucket, "other");
  EXPECT_EQ(use_ssl, false);
  EXPECT_EQ(workers, 9);
  EXPECT_EQ(format, Format::kJson);
  EXPECT_EQ(hosts, (std::vector<std::string>{"x", "y"}));
}

TEST_F(SettingsTest, RendersTheDocumentation) {
  EXPECT_NE(table.Markdown().find("| `format` | text, json | `\"text\"` | h |"), std::string::npos);
  EXPECT_NE(table.Markdown().find("| `hosts` | texts | `[\"a\", \"b\"]` | h |"), std::string::npos);
  EXPECT_NE(table.Markdown().find("| `workers` | number | `4` | h |"), std::string::npos);
  EXPECT_NE(table.Markdown().find("## [s3]"), std::string::npos);
}

}  // namespace
}  // namespace tarn
