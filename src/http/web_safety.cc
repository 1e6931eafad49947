#include "http/web_safety.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace tarn::http {
namespace {

struct AuthorityView {
  std::string_view host;
  std::string_view port;
};

// The port may be empty (RFC 3986, 3.2.3).
bool IsPort(std::string_view text) {
  constexpr unsigned kPortMax = 65535;
  unsigned port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    port = 10 * port + static_cast<unsigned>(c - '0');
    if (port > kPortMax) return false;
  }
  return true;
}

// Parses "host", "host:port" or "[v6]:port" (RFC 9110, 7.2), without user or path.
std::optional<AuthorityView> ParseAuthority(std::string_view text) {
  AuthorityView out;
  size_t end = 0;
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    ++end;
  } else {
    end = std::min(text.find(':'), text.size());
  }
  out.host = text.substr(0, end);
  const bool name = !out.host.empty() && std::all_of(out.host.begin(), out.host.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.' || c == ':' || c == '[' || c == ']';
  });
  if (!name) return std::nullopt;
  if (end == text.size()) return out;
  if (text[end] != ':') return std::nullopt;
  out.port = text.substr(end + 1);
  return IsPort(out.port) ? std::optional(out) : std::nullopt;
}

// Returns a part of the request in a form that is safe in a message.
std::string Printable(std::string_view text) {
  constexpr size_t kShownMax = 100;
  std::string out(text.substr(0, kShownMax));
  for (char& c : out) {
    if (c <= ' ' || c > '~' || c == '<' || c == '>' || c == '"' || c == '&') c = '?';
  }
  return out;
}

bool IsJson(std::string_view content_type) {
  const std::string type = ToLowerAscii(Trim(content_type.substr(0, content_type.find(';'))));
  return type == "application/json" ||
         (type.starts_with("application/") && type.ends_with("+json"));
}

}  // namespace

Result<WebSafety> WebSafety::FromSettings(const HttpSettings& settings) {
  WebSafety safety;
  for (const std::string& entry : settings.allowed_hosts) {
    const auto where = ParseAuthority(entry);
    if (!where) {
      return InvalidArgument(
          fmt::format("http.allowed_hosts: \"{}\" is not a host, as in tarn.example.com or "
                      "tarn.example.com:8443",
                      entry));
    }
    safety.hosts_.push_back({ToLowerAscii(where->host), std::string(where->port)});
  }
  for (const std::string& entry : settings.allowed_origins) {
    const std::string origin = ToLowerAscii(entry);
    const size_t scheme_end = origin.find("://");
    const auto where = scheme_end == std::string::npos || scheme_end == 0
                           ? std::nullopt
                           : ParseAuthority(std::string_view(origin).substr(scheme_end + 3));
    if (!where) {
      return InvalidArgument(
          fmt::format("http.allowed_origins: \"{}\" is not an origin, as in "
                      "https://app.example.com: a scheme and a host, and no path",
                      entry));
    }
    safety.origins_.push_back(origin);
  }
  return safety;
}

bool WebSafety::AllowsHost(std::string_view host, std::string_view port) const {
  if (loopback_) {
    if (EqualsIgnoreCase(host, "localhost") || host == "127.0.0.1" || host == "[::1]") return true;
  } else if (hosts_.empty()) {
    return true;
  }
  return std::any_of(hosts_.begin(), hosts_.end(), [&](const Authority& allowed) {
    return EqualsIgnoreCase(allowed.host, host) && (allowed.port.empty() || allowed.port == port);
  });
}

bool WebSafety::AllowsOrigin(std::string_view origin) const {
  return std::any_of(origins_.begin(), origins_.end(),
                     [&](const std::string& allowed) { return EqualsIgnoreCase(allowed, origin); });
}

WebSafety::Verdict WebSafety::Check(const Request& request, unsigned version) const {
  Verdict verdict;
  std::string_view host;
  std::string_view origin;
  std::string_view fetch_site;
  bool is_navigation = false;
  bool document = false;
  int hosts = 0;
  int origins = 0;
  int authorizations = 0;
  int fetch_sites = 0;
  for (const auto& [name, value] : request.headers) {
    // Only a few headers matter, and their length excludes most others.
    switch (name.size()) {
      case 4:
        if (EqualsIgnoreCase(name, "host")) {
          host = value;
          ++hosts;
        }
        break;
      case 6:
        if (EqualsIgnoreCase(name, "origin")) {
          origin = value;
          ++origins;
        }
        break;
      case 7:
        if (EqualsIgnoreCase(name, "referer")) verdict.is_from_browser = true;
        break;
      case 12:
        if (EqualsIgnoreCase(name, "content-type")) {
          // If there are two, a type other than JSON decides.
          if (!verdict.has_content_type || !IsJson(value)) verdict.content_type = value;
          verdict.has_content_type = true;
        }
        break;
      case 13:
        if (EqualsIgnoreCase(name, "authorization")) ++authorizations;
        break;
      case 14:
        if (EqualsIgnoreCase(name, "sec-fetch-site")) {
          fetch_site = value;
          ++fetch_sites;
        } else if (EqualsIgnoreCase(name, "sec-fetch-mode")) {
          is_navigation = value == "navigate";
          verdict.is_from_browser = true;
        } else if (EqualsIgnoreCase(name, "sec-fetch-dest")) {
          document = value == "document";
          verdict.is_from_browser = true;
        }
        break;
      default:
        break;
    }
  }
  verdict.is_from_browser = verdict.is_from_browser || origins > 0 || fetch_sites > 0;

  // RFC 9112, 3.2. HTTP/1.0 has no Host, and browsers do not use it.
  if (hosts > 1 || (hosts == 0 && version >= 11)) {
    verdict.refusal = Refusal{400, "a request must have one Host header"};
    return verdict;
  }
  // RFC 9110, 5.3: neither is a list. A proxy in front may have checked the other one.
  if (authorizations > 1) {
    verdict.refusal = Refusal{400, "a request must have at most one Authorization header"};
    return verdict;
  }
  if (fetch_sites > 1 || (fetch_sites == 1 && fetch_site.empty())) {
    verdict.refusal = Refusal{400, "a request must have at most one Sec-Fetch-Site, with a value"};
    return verdict;
  }
  std::optional<AuthorityView> where;
  if (hosts == 1) {
    where = ParseAuthority(host);
    if (!where) {
      verdict.refusal = Refusal{400, "the Host header must be a host, or a host and a port"};
      return verdict;
    }
  }
  if (request.authority) {
    host = *request.authority;
    where = ParseAuthority(host);
    if (!where) {
      verdict.refusal = Refusal{400, "the request target must have a host, or a host and a port"};
      return verdict;
    }
  }
  if (where && !AllowsHost(where->host, where->port)) {
    verdict.refusal = Refusal{
        403, fmt::format("host {} is not allowed: add it to http.allowed_hosts", Printable(host))};
    return verdict;
  }
  if (!verdict.is_from_browser) return verdict;

  if (origins > 0) {
    const std::string_view scheme = tls_ ? "https://" : "http://";
    const std::string_view scheme_port = tls_ ? "443" : "80";
    bool same = false;
    if (where && origin.starts_with(scheme)) {
      if (const auto page = ParseAuthority(origin.substr(scheme.size()))) {
        const auto port = [&](std::string_view text) { return text.empty() ? scheme_port : text; };
        same = EqualsIgnoreCase(page->host, where->host) && port(page->port) == port(where->port);
      }
    }
    if (origins == 1 && !same && AllowsOrigin(origin)) {
      verdict.allowed_origin = origin;
      return verdict;
    }
    if (origins != 1 || !same) {
      verdict.refusal =
          Refusal{403, fmt::format("origin {} is not allowed: add it to http.allowed_origins",
                                   Printable(origin))};
      return verdict;
    }
  }
  // Requests without Origin, such as images and scripts. Following a link is allowed: it changes
  // nothing, and the other page cannot read the response.
  const bool own = fetch_sites == 0 || fetch_site == "same-origin" || fetch_site == "none";
  const bool link =
      is_navigation && document && (request.method == "GET" || request.method == "HEAD");
  if (!own && !link) {
    verdict.refusal = Refusal{403, "a page of another origin may not send this request"};
  }
  return verdict;
}

std::optional<WebSafety::Refusal> WebSafety::CheckBody(const Request& request,
                                                       const Verdict& verdict) {
  if (request.method != "POST" && request.method != "PUT" && request.method != "PATCH") {
    return std::nullopt;
  }
  if (verdict.has_content_type ? IsJson(verdict.content_type) : !verdict.is_from_browser) {
    return std::nullopt;
  }
  return Refusal{415, verdict.has_content_type
                          ? fmt::format("the body is {}: send it with Content-Type: "
                                        "application/json",
                                        Printable(verdict.content_type))
                          : "the body has no type: send it with Content-Type: application/json"};
}

bool WebSafety::IsPreflight(const Request& request, const Verdict& verdict) {
  return !verdict.allowed_origin.empty() && request.method == "OPTIONS" &&
         !request.Header("Access-Control-Request-Method").empty();
}

Response WebSafety::PreflightResponse(const std::string& methods) {
  Response response = Response::NoContent();
  response.headers = {{"Access-Control-Allow-Methods", methods},
                      {"Access-Control-Allow-Headers",
                       "Accept, Authorization, Content-Type, If-Match, If-None-Match, X-Query-Id"},
                      {"Access-Control-Allow-Private-Network", "true"},
                      {"Access-Control-Max-Age", "600"}};
  return response;
}

void WebSafety::AppendAllowOrigin(std::string& header, std::string_view origin) {
  // Equal to one of the settings, so it has no line break.
  header.append("Access-Control-Allow-Origin: ").append(origin);
  header.append(
      "\r\nVary: Origin\r\nAccess-Control-Expose-Headers: X-Query-Id, "
      "X-Truncated, X-Catalog-Revision, ETag, Retry-After, WWW-Authenticate\r\n");
}

}  // namespace tarn::http
