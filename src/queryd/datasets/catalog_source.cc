#include "queryd/datasets/catalog_source.h"

#include <fmt/format.h>

#include "base/duration.h"
#include "base/files.h"
#include "base/redact.h"
#include "base/text.h"
#include "catalog/manifest_json.h"
#include "config/lakehouse.h"

namespace tarn::queryd {
namespace {

// The size limit of a list: the maximum that catalogd can be configured for. A list of 100,000
// datasets is about 30 MB.
constexpr uint64_t kListBytesMax = 1024ULL * 1024 * 1024;
static_assert(kListBytesMax > kDatasetsBytesMax + kDeletionsBytesMax + 1'000'000);
// The limit for the number of values, which the size limit implies. The shortest values are those
// of an object with a key of one byte, `{"key":"a"},`.
constexpr size_t kListValuesMax = kListBytesMax / 6;
constexpr size_t kShownBytesMax = 200;

}  // namespace

CatalogRead CatalogRead::From(catalog::Changes changes) {
  CatalogRead read;
  read.changed = !changes.since || *changes.since != changes.position.revision;
  read.is_whole = !changes.since;
  read.manifests = std::move(changes.manifests);
  read.deleted = std::move(changes.deleted);
  read.revision = changes.position.revision;
  read.position = changes.position.Text();
  return read;
}

Result<CatalogRead> CatalogClient::Read(const std::string& position, Duration wait,
                                        Deadline deadline, const std::stop_token& stop) {
  http::ClientRequest request = {.path = "/catalog/list", .answer_bytes_max = kListBytesMax};
  if (!position.empty()) request.path += "?since=" + position;
  if (!position.empty() && wait > Duration::zero()) request.path += "&wait=" + FormatDuration(wait);
  if (!token_path_.empty()) {
    const Result<std::string> token = ReadSecretFile(token_path_);
    if (!token.ok()) return token.error().Wrap("queryd.catalogd_token_path");
    request.bearer_token = Trim(*token);
    ProcessRedactor().Add(request.bearer_token);
  }
  const Result<http::ClientResponse> response = http::Send(url_, request, deadline, tls_, stop);
  if (!response.ok()) return response.error().Wrap("catalog list");
  if (response->status == 401 || response->status == 403) {
    return Unavailable(fmt::format(
        "catalog list: {}:{} does not let queryd in, see queryd.catalogd_token_path: {}", url_.host,
        url_.port, Trim(response->body.substr(0, kShownBytesMax))));
  }
  if (response->status == 304 && !position.empty()) {
    CatalogRead unchanged;
    unchanged.changed = false;
    return unchanged;
  }
  if (response->status != 200) {
    return Unavailable(fmt::format("catalog list: {}:{} answers {}: {}", url_.host, url_.port,
                                   response->status,
                                   Trim(response->body.substr(0, kShownBytesMax))));
  }
  Result<catalog::Changes> changes = catalog::ParseChanges(response->body, kListValuesMax);
  if (!changes.ok()) return changes.error().Wrap("catalog list: decode");
  return CatalogRead::From(std::move(*changes));
}

}  // namespace tarn::queryd
