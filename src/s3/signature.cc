#include "s3/signature.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "base/sha256.h"
#include "base/text.h"

namespace tarn::s3 {
namespace {

std::string Hmac(std::string_view key, std::string_view text) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(digest.data()), &size);
  digest.resize(size);
  return digest;
}

}  // namespace

Result<std::string> Sha256OfFile(const std::string& path,
                                 const std::function<Result<>(uint64_t bytes)>& on_read) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  const auto failed = [&] {
    return InvalidArgument(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  };
  if (file == nullptr) return failed();
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   &EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  std::vector<char> block(1024 * 1024);
  while (const size_t count = std::fread(block.data(), 1, block.size(), file.get())) {
    EVP_DigestUpdate(context.get(), block.data(), count);
    if (on_read) TARN_CHECK_OK(on_read(count));
  }
  if (std::ferror(file.get()) != 0) return failed();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &size);
  return Hex({reinterpret_cast<const char*>(digest.data()), size});
}

std::string EncodePath(std::string_view key) {
  std::string path;
  for (size_t begin = 0; begin <= key.size();) {
    const size_t end = std::min(key.find('/', begin), key.size());
    path += PercentEncode(key.substr(begin, end - begin));
    if (end < key.size()) path += '/';
    begin = end + 1;
  }
  return path;
}

std::string EncodeQuery(const std::map<std::string, std::string>& query) {
  std::string text;
  for (const auto& [name, value] : query) {
    fmt::format_to(std::back_inserter(text), "{}{}={}", text.empty() ? "" : "&",
                   PercentEncode(name), PercentEncode(value));
  }
  return text;
}

std::map<std::string, std::string> Sign(const UnsignedRequest& request,
                                        const protocol::Credentials& credentials,
                                        std::string_view region, UnixMicros now) {
  std::map<std::string, std::string> headers = request.headers;
  if (credentials.access_key_id.empty()) return headers;
  const std::string time =
      fmt::format("{:%Y%m%dT%H%M%SZ}", std::chrono::floor<std::chrono::seconds>(now));
  const std::string date = time.substr(0, 8);
  headers["x-amz-content-sha256"] = request.payload_sha256;
  headers["x-amz-date"] = time;
  if (!credentials.session_token.empty()) {
    headers["x-amz-security-token"] = credentials.session_token;
  }

  std::string signed_headers;
  std::string canonical =
      fmt::format("{}\n{}\n{}\n", request.method, request.path, EncodeQuery(request.query));
  for (const auto& [name, value] : headers) {
    canonical += fmt::format("{}:{}\n", name, value);
    if (!signed_headers.empty()) signed_headers += ';';
    signed_headers += name;
  }
  canonical += fmt::format("\n{}\n{}", signed_headers, request.payload_sha256);

  const std::string scope = fmt::format("{}/{}/s3/aws4_request", date, region);
  std::string key = Hmac("AWS4" + credentials.secret_access_key, date);
  for (const std::string_view part :
       {region, std::string_view("s3"), std::string_view("aws4_request")}) {
    key = Hmac(key, part);
  }
  const std::string signature = Hex(
      Hmac(key, fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", time, scope, Sha256Hex(canonical))));
  headers["authorization"] =
      fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
                  credentials.access_key_id, scope, signed_headers, signature);
  return headers;
}

}  // namespace tarn::s3
