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

// The addresses of the daemons, and the token. All are optional.
struct RemoteOptions {
  std::string config_path;  // A lakehouse.toml. Empty: ./lakehouse.toml, if it exists.
  std::string queryd;       // URLs.
  std::string catalogd;
  std::string token_path;
};

// The settings of the file, or of ./lakehouse.toml if it exists, and of the environment; otherwise
// the defaults.
Result<LakehouseSettings> LoadSettings(const std::string& config_path,
                                       LakehouseSettings defaults = {});

// The limits of JSON in a response. Values of a result may be deeply nested.
inline constexpr JsonLimits kAnswerLimits{.depth = 1000, .values = 20'000'000};

// A client of queryd and catalogd.
//
// The addresses are, in this order: those of the command line, TARN_QUERYD_URL and
// TARN_CATALOGD_URL, those of lakehouse.toml, and the default ports of this machine, where the
// catalogue may also be that of `tarn up`. The token is, in this order: the file that the command
// line names, TARN_TOKEN, the file that TARN_TOKEN_PATH names, none.
class Remote {
 public:
  static Result<Remote> Open(const RemoteOptions& options);

  // Returns a response with status 2xx. For other responses, the error has the message of the
  // response, and its kind depends on the status: kNotFound, kConflict, kUnavailable …
  Result<http::ClientResponse> Query(http::ClientRequest request,
                                     const std::stop_token& stop = {}) const;
  Result<http::ClientResponse> Catalog(const http::ClientRequest& request);
  // The same as JSON.
  Result<nlohmann::ordered_json> QueryJson(http::ClientRequest request) const;
  Result<nlohmann::ordered_json> CatalogJson(const http::ClientRequest& request);

  // Waits until queries see the last change of a dataset.
  struct Visibility {
    bool is_refused = false;  // Queries will not see the change.
    std::string why;          // The reason, or that it is unknown. Empty: queries see the change.
  };
  Visibility WaitUntilVisible(const std::string& dataset);

  const http::Url& queryd() const { return queryd_; }
  // The address of catalogd after the first response.
  const http::Url& catalogd() const { return catalogd_; }

 private:
  Result<http::ClientResponse> Send(const http::Url& url, http::ClientRequest request,
                                    const std::stop_token& stop) const;

  http::Url queryd_;
  http::Url catalogd_;
  bool catalogd_is_named_ = false;  // The address was given or found, so no other one is tried.
  http::ClientTls tls_;
  std::string token_;
};

// True if an error message says that no daemon accepts connections at its address.
bool IsNotReached(std::string_view message);

// Called after a change. An error if queries will not see it; a line on stderr if that is unknown.
Result<> RequireVisible(Remote& remote, const std::string& dataset);

// "/catalog/datasets/NAME", percent-encoded.
std::string DatasetPath(const std::string& name);

}  // namespace tarn::cli
