#pragma once

// tarn put: files become a dataset.

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/commands/remote.h"

namespace tarn::cli {

struct PutOptions {
  RemoteOptions remote;
  std::vector<std::string> files;  // "-" is stdin.
  std::string name;
  std::string into;  // What `tarn up` serves: a folder, or s3://BUCKET[/PREFIX]. Empty: the bucket
                     // of lakehouse.toml, and the catalogue.
  std::string prefix;  // Of the keys in the bucket of lakehouse.toml, ending with '/'. Empty: that
                       // of the token, if it is limited to one.
  std::string format;  // csv, json or parquet; empty: by the endings of the names.
  std::string delimiter;
  std::string
      encoding;  // Of CSV and JSON, as "latin-1"; empty: UTF-8, or UTF-16 by its first bytes.
  bool no_header = false;
  std::vector<std::string> with;   // NAME=VALUE: options of DuckDB's read_csv.
  std::vector<std::string> types;  // COLUMN=TYPE, of CSV and JSON.
  bool no_check = false;           // Of Parquet: its values are not read.
  bool append = false;
  bool replace = false;
  bool json = false;  // Prints the manifest.
};

// Converts, writes objects whose keys are made of what they hold, and registers them in one step:
// until then nothing can be seen of it, and to do it again costs only what had not been done.
Result<> PutDataset(const PutOptions& options);

}  // namespace tarn::cli
