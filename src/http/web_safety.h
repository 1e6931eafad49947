#pragma once

// What keeps a page in somebody's browser from using a daemon that the browser can reach and the
// page's author cannot: a name that is made to point here (DNS rebinding), a request from another
// origin, a form. See docs/security.md.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/lakehouse.h"
#include "base/result.h"
#include "http/message.h"

namespace tarn::http {

// The rules of one server. What is made without settings is the strictest.
class WebSafety {
 public:
  WebSafety() = default;
  // The error names the setting that is wrong.
  static Result<WebSafety> FromSettings(const HttpSettings& settings);

  // Where the server listens: on a loopback address only names of this machine lead to it.
  void SetServer(bool loopback, bool tls) {
    loopback_ = loopback;
    tls_ = tls;
  }

  struct Refusal {
    int status = 0;
    std::string detail;
  };
  // What is known of a request once its header was judged.
  struct Verdict {
    std::optional<Refusal> refusal;
    std::string_view allowed_origin;  // Another origin than ours, which may ask.
    std::string_view content_type;
    bool has_content_type = false;
    bool from_browser = false;
  };
  // `version` is 11 for HTTP/1.1. The verdict points into the request.
  Verdict Judge(const Request& request, unsigned version) const;

  // For a request with a body: only JSON is taken. A form that a page sends cannot have that type,
  // and a script of another origin must ask first.
  static std::optional<Refusal> JudgeBody(const Request& request, const Verdict& verdict);

  // True for OPTIONS with which a browser asks whether a page may send a request.
  static bool IsPreflight(const Request& request, const Verdict& verdict);
  // Its answer, for a path that has these methods.
  static Response AnswerPreflight(const std::string& methods);

  // What every answer has, in the form of a header's lines.
  static constexpr std::string_view kHeaders =
      "X-Content-Type-Options: nosniff\r\n"
      "X-Frame-Options: DENY\r\n"
      "Referrer-Policy: no-referrer\r\n"
      "Cross-Origin-Resource-Policy: same-origin\r\n";
  // And these, where the handler has not set them.
  static constexpr std::string_view kCacheControl = "Cache-Control: no-store\r\n";
  static constexpr std::string_view kContentSecurityPolicy =
      "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n";

  // The lines that let a page of the origin read the answer.
  static void AppendAllowOrigin(std::string& header, std::string_view origin);

 private:
  struct Authority {
    std::string host;  // In small letters; with brackets for IPv6.
    std::string port;  // Empty: any, or the scheme's.
  };
  bool AllowsHost(std::string_view host, std::string_view port) const;
  bool AllowsOrigin(std::string_view origin) const;

  bool loopback_ = true;
  bool tls_ = false;
  std::vector<Authority> hosts_;
  std::vector<std::string> origins_;  // In small letters, as a browser sends them.
};

}  // namespace tarn::http
