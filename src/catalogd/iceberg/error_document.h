#pragma once

// Private to src/catalogd: the errors of the Iceberg REST catalog,
// {"error":{"message":…,"type":…,"code":…}}.

#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace tarn::catalogd {

// Renders an error of a table.
http::Response RenderTableError(const Error& error);

http::Response RenderIcebergError(int status, std::string_view type, std::string_view message);

// Replaces the body of an error response that the server has made.
void SetIcebergErrorDocument(http::Response& response);

}  // namespace tarn::catalogd
