#include "queryd/secrets.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/text.h"

namespace tarn::queryd {
namespace {

class SecretsTest : public testing::Test {
 protected:
  const std::string path = testing::TempDir() + "tarn-secrets-" + RandomId();
  S3Settings s3;
  SecretsTest() {
    s3.access_key_id = "fallback-id";
    s3.secret_access_key = "fallback-secret";
  }
  ~SecretsTest() override { std::filesystem::remove(path); }

  void Write(const std::string& text, mode_t mode = 0600) {
    std::ofstream(path) << text;
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
  }
  Result<protocol::Credentials> Get() const {
    return FileSecretsProvider(path, s3).Get(kPrimaryBucket);
  }
};

TEST_F(SecretsTest, TheFileWinsOverTheSettings) {
  Write("[s3.primary]\naccess_key_id='id'\nsecret_access_key='secret'\nsession_token='token'\n");
  EXPECT_EQ(*Get(), (protocol::Credentials{"id", "secret", "token"}));
}

TEST_F(SecretsTest, FallsBackWithoutFileOrBucket) {
  EXPECT_EQ(Get()->access_key_id, "fallback-id");
  Write("[s3.other]\naccess_key_id='id'\nsecret_access_key='secret'\n");
  EXPECT_EQ(Get()->access_key_id, "fallback-id");
  EXPECT_EQ(FileSecretsProvider("", s3).Get(kPrimaryBucket)->access_key_id, "fallback-id");
}

TEST_F(SecretsTest, AMissingFileWithoutFallbackIsAnError) {
  s3 = {};
  ASSERT_FALSE(Get().ok());
  EXPECT_NE(Get().error().message.find(path), std::string::npos);
}

TEST_F(SecretsTest, RefusesAFileThatOthersCanRead) {
  for (const mode_t mode : {0640U, 0604U, 0644U, 0660U}) {
    Write("[s3.primary]\naccess_key_id='id'\nsecret_access_key='secret'\n", mode);
    ASSERT_FALSE(Get().ok());
    EXPECT_NE(Get().error().message.find("chmod 600"), std::string::npos);
  }
}

TEST_F(SecretsTest, ErrorsNeverQuoteTheFile) {
  for (const char* text : {"[s3.primary]\nsecret_access_key = TOPSECRET\n",
                           "[s3.primary]\naccess_key_id=''\nsecret_access_key='TOPSECRET'\n",
                           "[s3]\nprimary='TOPSECRET'\n"}) {
    Write(text);
    ASSERT_FALSE(Get().ok()) << text;
    EXPECT_EQ(Get().error().message.find("TOPSECRET"), std::string::npos);
  }
}

TEST_F(SecretsTest, AChangedFileTakesEffect) {
  Write("[s3.primary]\naccess_key_id='one'\nsecret_access_key='secret'\n");
  const FileSecretsProvider provider(path, s3);
  EXPECT_EQ(provider.Get(kPrimaryBucket)->access_key_id, "one");
  Write("[s3.primary]\naccess_key_id='two'\nsecret_access_key='secret'\n");
  EXPECT_EQ(provider.Get(kPrimaryBucket)->access_key_id, "two");
}

}  // namespace
}  // namespace tarn::queryd
