#pragma once

// The steps that all destinations of `tarn put` share: the names of objects, and their transfer.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/commands/put.h"
#include "cli/commands/put_progress.h"
#include "ingest/parquet_files.h"
#include "s3/client.h"

namespace tarn::cli {

using ingest::InputFormat;
using ingest::ParquetFiles;

// The error if the dataset exists and neither --append nor --replace was given.
Error DatasetExistsError(const std::string& dataset);

// A file, and the name of its object within the dataset: the first 128 bits of its SHA-256. So an
// existing object is not sent again, and no object is overwritten. Several files from one input
// share one hash of all their contents, and are numbered: "HASH-00001.parquet".
struct NamedFile {
  std::string path;
  std::string name;
  uint64_t bytes = 0;
};

// Two given files with the same content are an error, because one of them is most likely a copy.
Result<std::vector<NamedFile>> NameFiles(const ParquetFiles& files, InputFormat format,
                                         const PutTask& task);
// Refuses an --append that would remove partitions from the dataset, because the key of the new
// object has none. `former` has the keys of the dataset; `prefix` is that of the new key.
Result<> RequireSamePartitions(const std::string& dataset, const std::vector<std::string>& former,
                               const std::string& prefix);
Error RowsExistError(const std::string& dataset);
uint64_t BytesOf(const std::vector<NamedFile>& files);

// The key of an object: "DATASET/HASH.parquet". A '/' in the name of the dataset becomes '_'.
std::string KeyOf(const std::string& dataset, const NamedFile& file);

// Makes a new file, whose bytes are on the disk when the function returns.
Result<> CopyFile(const std::string& from, const std::filesystem::path& to, const PutTask& task);

struct SentFile {
  std::string key;
  uint64_t bytes = 0;
  std::string etag;     // May be empty.
  bool is_new = false;  // The object did not exist before.
};

// Writes files as objects of the dataset `name`, below a prefix. After an error, `sent` has the
// objects up to the failed one, which may exist nevertheless.
Result<> SendFiles(s3::Client& bucket, const std::string& prefix, const std::string& name,
                   const std::vector<NamedFile>& files, const PutTask& task,
                   std::vector<SentFile>& sent);

// Prints "2 rows in 1 object (600 B), 3 columns" to stdout, or JSON if there is no catalogue that
// answers, and the notes to stderr.
void PrintSummary(const PutOptions& options, const ParquetFiles& files,
                  const std::vector<NamedFile>& named, std::string_view more = {});

}  // namespace tarn::cli
