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

// Which daemons a command talks to; all of it may be left out.
struct RemoteOptions {
  std::string config_path;  // A lakehouse.toml; empty: ./lakehouse.toml where there is one.
  std::string queryd;       // URLs.
  std::string catalogd;
  std::string token_path;
};

// Those of that file, else of ./lakehouse.toml where there is one, and of the environment; else
// these.
Result<LakehouseSettings> LoadSettings(const std::string& config_path,
                                       LakehouseSettings defaults = {});

// The limits of JSON in an answer. Values of a result may be nested deep.
inline constexpr JsonLimits kAnswerLimits{.depth = 1000, .values = 20'000'000};

// queryd and catalogd, as a client sees them.
//
// Where they are: what the command line says, else TARN_QUERYD_URL and TARN_CATALOGD_URL, else what
// lakehouse.toml says, else this machine with the default ports, where the catalogue may also be
// that of a `tarn up`. The token: the file that the command line names, else TARN_TOKEN, else the
// file that TARN_TOKEN_PATH names, else none.
class Remote {
 public:
  static Result<Remote> Open(const RemoteOptions& options);

  // The body of an answer of 2xx. Else the error is what the answer says, and its kind goes by the
  // status: kNotFound, kConflict, kUnavailable …
  Result<http::ClientResponse> Query(http::ClientRequest request,
                                     const std::stop_token& stop = {}) const;
  Result<http::ClientResponse> Catalog(const http::ClientRequest& request);
  // The same as JSON.
  Result<nlohmann::ordered_json> QueryJson(http::ClientRequest request) const;
  Result<nlohmann::ordered_json> CatalogJson(const http::ClientRequest& request);

  // Waits until queries see the last change of a dataset, so that what is asked next has it.
  struct Visibility {
    bool is_refused = false;  // They will not, as it is.
    std::string why;          // Or that it is not known; empty: they see it.
  };
  Visibility WaitUntilVisible(const std::string& dataset);

  const http::Url& queryd() const { return queryd_; }
  // Where it was found, after the first answer.
  const http::Url& catalogd() const { return catalogd_; }

 private:
  Result<http::ClientResponse> Send(const http::Url& url, http::ClientRequest request,
                                    const std::stop_token& stop) const;

  http::Url queryd_;
  http::Url catalogd_;
  bool catalogd_is_named_ = false;  // Or it has been found: no other place is tried.
  net::ClientTls tls_;
  std::string token_;
};

// Whether the message of an error says that nothing accepts connections where a daemon should be.
bool IsNotReached(std::string_view message);

// After a change that was made in any case: an error where queries will not see it, and a line on
// stderr where that is not known.
Result<> RequireVisible(Remote& remote, const std::string& dataset);

// "/catalog/datasets/NAME" with what a path cannot hold encoded.
std::string DatasetPath(const std::string& name);

}  // namespace tarn::cli
