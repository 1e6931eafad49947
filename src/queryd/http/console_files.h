#pragma once

#include <span>
#include <string_view>

namespace tarn::queryd {

// A file from the build of the web console.
struct ConsoleFile {
  std::string_view name;  // "index.html", "index-0InUL_PQ.css"
  std::string_view bytes;
  std::string_view gzip;  // The compressed bytes; empty if there is no compressed copy.
};

// Returns the files with index.html, or none if the program was built without the console. They are
// valid until the program ends.
std::span<const ConsoleFile> ConsoleFiles();

}  // namespace tarn::queryd
