#pragma once

#include <span>
#include <string_view>

namespace tarn::queryd {

// A file of the web console as its build left it.
struct ConsoleFile {
  std::string_view name;  // "index.html", "index-0InUL_PQ.css"
  std::string_view bytes;
  std::string_view gzip;  // The same compressed; empty: there is no such copy.
};

// All of them, index.html among them; they end with the program. None where it was built without.
std::span<const ConsoleFile> ConsoleFiles();

}  // namespace tarn::queryd
