#include "net/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/test_certificates.h"

namespace tarn::net {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(ServerTls, ReportsInvalidFiles) {
  const TestFolder folder;
  Metrics metrics;
  const TestCertificate own = MakeCertificate({});
  const TestCertificate other = MakeCertificate({});
  const std::string cert = folder.Put("cert.pem", own.Pem(), 0644);
  const std::string key = folder.Put("key.pem", own.KeyPem());
  const auto fails = [&](const std::string& cert_path, const std::string& key_path) {
    const auto loaded = ServerTls::Load({.cert_path = cert_path, .key_path = key_path}, metrics);
    return loaded.ok() ? "" : loaded.error().message;
  };
  EXPECT_EQ(fails(cert, key), "");
  EXPECT_EQ(*ServerTls::Load({}, metrics), nullptr);
  EXPECT_EQ(fails(cert, ""), "tls.key_path is required where tls.cert_path is set");
  EXPECT_EQ(fails("", key), "tls.cert_path is required where tls.key_path is set");
  EXPECT_THAT(fails("/none", key), StartsWith("tls.cert_path: cannot read /none"));
  EXPECT_THAT(fails(cert, "/none"), StartsWith("tls.key_path: cannot read /none"));
  EXPECT_THAT(fails(cert, folder.Put("open.pem", own.KeyPem(), 0640)),
              HasSubstr("mode 0640 gives access to other users: run chmod 600"));
  EXPECT_THAT(fails(cert, folder.Put("other.pem", other.KeyPem())),
              HasSubstr("does not match the certificate in"));
  EXPECT_THAT(fails(folder.Put("none.pem", "text"), key),
              HasSubstr("none.pem holds no certificate in PEM"));
  EXPECT_THAT(fails(cert, folder.Put("nokey.pem", "text")), HasSubstr("holds no private key"));
  EXPECT_THAT(fails(folder.Put("half.pem", own.Pem() + "-----BEGIN CERTIFICATE-----\nx\n"), key),
              HasSubstr("has a broken certificate in its chain"));
  const TestCertificate old = MakeCertificate({.begins_in_s = -200, .ends_in_s = -100});
  EXPECT_EQ(fails(folder.Put("old.pem", old.Pem()), folder.Put("oldkey.pem", old.KeyPem())), "");
}

TEST(ClientTls, ReadsItsFileAtTheStart) {
  const TestFolder folder;
  EXPECT_THAT(ClientTls::FromSettings({.ca_path = "/none"}).error().message,
              StartsWith("tls.ca_path: cannot read /none"));
  EXPECT_THAT(ClientTls::FromSettings({.ca_path = folder.Put("x", "text")}).error().message,
              HasSubstr("holds no certificate in PEM"));
  EXPECT_TRUE(ClientTls::FromSettings({}).ok());
}

}  // namespace
}  // namespace tarn::net
