#pragma once

#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/bounded_json.h"
#include "base/result.h"
#include "config/lakehouse.h"
#include "http/client.h"

namespace tarn::cli {

// The options for the addresses of the daemons and the token. All may be empty.
struct RemoteOptions {
  std::string config_path;  // Empty: ./lakehouse.toml, if it exists.
  std::string queryd;       // A URL.
  std::string catalogd;     // A URL.
  std::string token_path;
};

// Reads settings from the file, or if `config_path` is empty, from ./lakehouse.toml if it exists.
// The environment overrides them. `defaults` has the settings that neither has.
Result<LakehouseSettings> LoadSettings(const std::string& config_path,
                                       LakehouseSettings defaults = {});

// The limits of JSON in a response. The depth is large, because results can have nested values.
inline constexpr JsonLimits kAnswerLimits{.depth = 1000, .values = 20'000'000};

// A client of queryd and catalogd.
//
// The addresses come from the first of: the command line; TARN_QUERYD_URL and TARN_CATALOGD_URL;
// lakehouse.toml; the default ports of this machine, where `tarn up` may also be the catalogue. The
// token comes from the first of: the file of the command line; TARN_TOKEN; the file in
// TARN_TOKEN_PATH.
class Remote {
 public:
  static Result<Remote> Open(const RemoteOptions& options);

  // Returns a response with a status of 2xx. For others, the error has the message of the response,
  // and a kind for the status: kNotFound, kConflict, kUnavailable …
  Result<http::ClientResponse> Query(http::ClientRequest request,
                                     const std::stop_token& stop = {}) const;
  Result<http::ClientResponse> Catalog(const http::ClientRequest& request);
  // The same, parsed as JSON.
  Result<nlohmann::ordered_json> QueryJson(http::ClientRequest request) const;
  Result<nlohmann::ordered_json> CatalogJson(const http::ClientRequest& request);

  struct Visibility {
    bool is_refused = false;  // Queries cannot see the change.
    std::string why;          // The reason if queries do not see the change or that is unknown.
  };
  // Waits until queries see the last change of a dataset.
  Visibility WaitUntilVisible(const std::string& dataset);

  const http::Url& queryd() const { return queryd_; }
  // After the first response, the address that worked.
  const http::Url& catalogd() const { return catalogd_; }

 private:
  Result<http::ClientResponse> Send(const http::Url& url, http::ClientRequest request,
                                    const std::stop_token& stop) const;

  http::Url queryd_;
  http::Url catalogd_;
  bool catalogd_is_named_ = false;  // True if catalogd_ is the only address to try.
  net::ClientTls tls_;
  std::string token_;
};

// Returns true if the error message means that no daemon accepts connections at the address.
bool IsNotReached(std::string_view message);

// Waits until queries see a change that was made. Returns an error if they cannot see it. Prints a
// line on stderr if that is unknown.
Result<> RequireVisible(Remote& remote, const std::string& dataset);

// Returns "/catalog/datasets/NAME" with the name percent-encoded.
std::string DatasetPath(const std::string& name);

}  // namespace tarn::cli
