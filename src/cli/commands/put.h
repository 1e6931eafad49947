#pragma once

// The command `tarn put`, which makes a dataset from files.

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/commands/remote.h"

namespace tarn::cli {

struct PutOptions {
  RemoteOptions remote;
  std::vector<std::string> files;  // "-" is stdin.
  std::string name;
  // A folder or s3://BUCKET[/PREFIX] that `tarn up` serves. Empty: the bucket of lakehouse.toml,
  // and the catalogue.
  std::string into;
  // The prefix of new keys in the bucket of lakehouse.toml, ending with '/'. Empty: the prefix of
  // the token, if it has only one.
  std::string prefix;
  std::string format;  // csv, json or parquet; empty: by the extensions of the names.
  std::string delimiter;
  std::string
      // The encoding of CSV and JSON, such as "latin-1". Empty: UTF-16 if the file begins with its
      // byte order mark, else UTF-8.
      encoding;
  bool no_header = false;
  std::vector<std::string> with;   // NAME=VALUE, options of DuckDB's read_csv.
  std::vector<std::string> types;  // COLUMN=TYPE, for CSV and JSON.
  bool no_check = false;           // Skips the check of the values of Parquet.
  bool append = false;
  bool replace = false;
  bool json = false;  // Prints the manifest.
};

// Converts the files, writes objects whose keys are hashes of their content, and registers them in
// one step. Queries see nothing before that step. A second run sends only the missing objects.
Result<> PutDataset(const PutOptions& options);

}  // namespace tarn::cli
