#pragma once

// For the tests.

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace tarn::queryd {

// Parquet with one row: SELECT 1::INTEGER AS id.
inline constexpr std::string_view kOneRow =
    "504152311500151415142c15021500150615060000020000000201010000001502192c3500180d6475636b64625f73"
    "6368656d6115020015022502180269642522001602191c191c26001c15021915001918026964150016021636163626"
    "083c180401000000180401000000160028040100000018040100000011110000001636160226081636002828447563"
    "6b"
    "44422076657273696f6e2076312e352e3520286275696c64206438636461613333666429191c1c0000009900000050"
    "415231";

inline void WriteOneRow(const std::filesystem::path& path) {
  std::ofstream file(path, std::ios::binary);
  for (size_t i = 0; i < kOneRow.size(); i += 2) {
    file.put(static_cast<char>(std::stoi(std::string(kOneRow.substr(i, 2)), nullptr, 16)));
  }
}

}  // namespace tarn::queryd
