#pragma once

// Protects a daemon that a browser can reach against pages of other sites: DNS rebinding, requests
// from another origin, forms. See docs/security.md.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/lakehouse.h"
#include "http/message.h"

namespace tarn::http {

// The rules of one server. The default rules are the strictest.
class WebSafety {
 public:
  WebSafety() = default;
  // The error names the invalid setting.
  static Result<WebSafety> FromSettings(const HttpSettings& settings);

  // The listening address: on loopback, only names of this machine are allowed as Host.
  void SetServer(bool loopback, bool tls) {
    loopback_ = loopback;
    tls_ = tls;
  }

  struct Refusal {
    int status = 0;
    std::string detail;
  };
  // The result of the checks of a request's header.
  struct Verdict {
    std::optional<Refusal> refusal;
    std::string_view allowed_origin;  // Another origin that may send the request.
    std::string_view content_type;
    bool has_content_type = false;
    bool is_from_browser = false;
  };
  // `version` is 11 for HTTP/1.1. The verdict refers to strings of the request.
  Verdict Check(const Request& request, unsigned version) const;

  // Checks the type of a request's body: only JSON is allowed. A form cannot send that type, and a
  // script of another origin needs a preflight for it.
  static std::optional<Refusal> CheckBody(const Request& request, const Verdict& verdict);

  // True for a CORS preflight request (OPTIONS).
  static bool IsPreflight(const Request& request, const Verdict& verdict);
  // The response to a preflight, for a path with these methods.
  static Response PreflightResponse(const std::string& methods);

  // Headers of every response, as header lines.
  static constexpr std::string_view kHeaders =
      "X-Content-Type-Options: nosniff\r\n"
      "X-Frame-Options: DENY\r\n"
      "Referrer-Policy: no-referrer\r\n"
      "Cross-Origin-Resource-Policy: same-origin\r\n";
  // Defaults for headers that the handler has not set.
  static constexpr std::string_view kCacheControl = "Cache-Control: no-store\r\n";
  static constexpr std::string_view kContentSecurityPolicy =
      "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n";

  // Appends the headers that let pages of the origin read the response.
  static void AppendAllowOrigin(std::string& header, std::string_view origin);

 private:
  struct Authority {
    std::string host;  // In lower case; with brackets for IPv6.
    std::string port;  // Empty: any port, or the default of the scheme.
  };
  bool AllowsHost(std::string_view host, std::string_view port) const;
  bool AllowsOrigin(std::string_view origin) const;

  bool loopback_ = true;
  bool tls_ = false;
  std::vector<Authority> hosts_;
  std::vector<std::string> origins_;  // In lower case, as a browser sends them.
};

}  // namespace tarn::http
