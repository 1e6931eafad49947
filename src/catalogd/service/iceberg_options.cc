#include "catalogd/service/iceberg_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/redact.h"
#include "base/text.h"
#include "catalog/manifest.h"

namespace tarn::catalogd {
namespace {

Result<> CheckNamespace(const std::string& name) {
  if (const Result<> valid = catalog::ValidateName(name); !valid.ok()) {
    return valid.error().Wrap("iceberg.namespace");
  }
  if (name.find('.') == std::string::npos) return {};
  return InvalidArgument("iceberg.namespace: must not have a dot, which separates levels");
}

// Clients read these URIs, and some of them do not encode special characters.
Result<> CheckPrefix(const std::string& prefix) {
  constexpr size_t kBytesMax = 256;
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '/';
  };
  const bool has_good_segments = !prefix.starts_with('/') &&
                                 prefix.find("//") == std::string::npos &&
                                 ("/" + prefix).find("/./") == std::string::npos &&
                                 ("/" + prefix).find("/../") == std::string::npos;
  if (prefix.ends_with('/') && prefix.size() <= kBytesMax && has_good_segments &&
      std::all_of(prefix.begin(), prefix.end(), is_plain)) {
    return {};
  }
  return InvalidArgument(
      fmt::format("iceberg.metadata_prefix: \"{}\" must be a relative path of letters, digits, "
                  "'-', '_' and '.' that ends with '/'",
                  prefix));
}

Result<> CheckVendedKeys(const LakehouseSettings& all) {
  const IcebergSettings& own = all.iceberg;
  if (own.vended_access_key_id.empty() != own.vended_secret_access_key.empty()) {
    return InvalidArgument(
        "iceberg.vended_access_key_id and iceberg.vended_secret_access_key: set both or none");
  }
  if (own.vended_access_key_id.empty()) return {};
  if (own.vended_access_key_id == all.s3.access_key_id ||
      own.vended_access_key_id == own.access_key_id) {
    return InvalidArgument(
        "iceberg.vended_access_key_id: must differ from the keys of the daemons, which clients "
        "must not have: create a read-only key");
  }
  return {};
}

std::string EndpointOf(const protocol::ObjectStore& store) {
  if (store.host.empty()) return "";
  return (store.use_ssl ? "https://" : "http://") + store.host;
}

Result<IcebergOptions> MakeOptions(const LakehouseSettings& settings,
                                   const protocol::ObjectStore& store) {
  const protocol::Credentials general = {settings.s3.access_key_id, settings.s3.secret_access_key,
                                         settings.s3.session_token};
  const IcebergSettings& own = settings.iceberg;
  if (own.access_key_id.empty() != own.secret_access_key.empty()) {
    return InvalidArgument("iceberg.access_key_id and iceberg.secret_access_key: set both or none");
  }
  const protocol::Credentials writing =
      own.access_key_id.empty()
          ? general
          : protocol::Credentials{own.access_key_id, own.secret_access_key, own.session_token};
  for (const std::string* secret :
       {&settings.s3.access_key_id, &settings.s3.secret_access_key, &settings.s3.session_token,
        &own.access_key_id, &own.secret_access_key, &own.session_token, &own.vended_access_key_id,
        &own.vended_secret_access_key, &own.vended_session_token}) {
    ProcessRedactor().Add(*secret);
  }
  IcebergOptions options{.settings = own};
  options.metadata = {.store = store,
                      .credentials = writing,
                      .tls_verify = settings.tls.verify,
                      .tls_ca_path = settings.tls.ca_path};
  options.data = options.metadata;
  if (!general.access_key_id.empty()) options.data.credentials = general;
  options.bucket_uri = store.root;
  options.endpoint = EndpointOf(store);
  return options;
}

}  // namespace

Result<IcebergChoice> ChooseIceberg(const LakehouseSettings& settings) {
  if (settings.iceberg.enabled == false)
    return IcebergChoice{.off_reason = "iceberg.enabled is false"};
  const bool is_required = settings.iceberg.enabled == true;
  TARN_CHECK_OK(CheckNamespace(settings.iceberg.name_space));
  TARN_CHECK_OK(CheckPrefix(settings.iceberg.metadata_prefix));
  TARN_CHECK_OK(CheckVendedKeys(settings));
  const auto off = [is_required](const std::string& reason) -> Result<IcebergChoice> {
    if (is_required) return InvalidArgument("iceberg.enabled: " + reason);
    return IcebergChoice{.off_reason = reason};
  };
  if (settings.s3.bucket.empty())
    return off("Iceberg tables need a bucket, but s3.bucket is empty");
  const Result<protocol::ObjectStore> store = protocol::ObjectStore::FromSettings(settings.s3);
  if (!store.ok()) return off(store.error().message);
  if (store->is_folder) {
    return off(
        "Iceberg tables need a bucket, but s3.endpoint is a folder, which clients on other "
        "machines cannot read");
  }
  TARN_TRY(IcebergOptions options, MakeOptions(settings, *store));
  return IcebergChoice{.options = std::move(options)};
}

}  // namespace tarn::catalogd
