#pragma once

// Certificates for tests, generated in memory.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace tarn::net {

struct TestCertificate {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> certificate;

  static std::string Text(BIO* bio) {
    char* data = nullptr;
    const long bytes = BIO_ctrl(bio, BIO_CTRL_INFO, 0, static_cast<void*>(&data));
    std::string text(data, static_cast<size_t>(bytes));
    BIO_free(bio);
    return text;
  }
  std::string Pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate.get());
    return Text(bio);
  }
  std::string KeyPem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return Text(bio);
  }
};

struct CertificateOptions {
  std::string name = "tarn-test";
  std::string alt_names = "DNS:localhost,IP:127.0.0.1";  // Empty: a CA.
  const TestCertificate* issuer = nullptr;               // Null: self-signed.
  long serial = 1;
  long begins_in_s = -3600;
  long ends_in_s = 3600;
};

inline TestCertificate MakeCertificate(const CertificateOptions& options) {
  TestCertificate out;
  out.key = {EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), &EVP_PKEY_free};
  out.certificate = {X509_new(), &X509_free};
  X509* const x = out.certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), options.serial);
  X509_gmtime_adj(X509_getm_notBefore(x), options.begins_in_s);
  X509_gmtime_adj(X509_getm_notAfter(x), options.ends_in_s);
  const std::string name = options.name;
  X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  const TestCertificate& issuer = options.issuer == nullptr ? out : *options.issuer;
  X509_set_issuer_name(x, X509_get_subject_name(issuer.certificate.get()));
  X509_set_pubkey(x, out.key.get());
  const bool is_ca = options.alt_names.empty();
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer.certificate.get(), x, nullptr, nullptr, 0);
  X509_EXTENSION* const extension =
      X509V3_EXT_conf_nid(nullptr, &context, is_ca ? NID_basic_constraints : NID_subject_alt_name,
                          is_ca ? "critical,CA:TRUE" : options.alt_names.c_str());
  X509_add_ext(x, extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(x, issuer.key.get(), EVP_sha256());
  return out;
}

// A temporary folder, removed by the destructor, whose files are replaced atomically.
class TestFolder {
 public:
  TestFolder() : path_(std::filesystem::path(testing::TempDir()) / "tarn-tls-XXXXXX") {
    std::string name = path_.string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for the test");
    path_ = name;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::string Put(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    const std::string path = (path_ / name).string();
    std::ofstream(path + ".new") << text;
    chmod((path + ".new").c_str(), mode);
    std::filesystem::rename(path + ".new", path);
    return path;
  }
  std::string Path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace tarn::net
