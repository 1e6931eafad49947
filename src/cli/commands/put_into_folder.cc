#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/commands/object_grouping.h"
#include "cli/commands/put_files.h"
#include "cli/commands/put_input.h"
#include "cli/commands/put_into.h"
#include "cli/up/folder_lock.h"
#include "cli/up/workspace.h"

namespace tarn::cli {

namespace fs = std::filesystem;

namespace {

Error ChangedMeanwhileError(const std::string& name) {
  return InvalidArgument(fmt::format(
      "another process changed \"{}\" meanwhile, and nothing was changed here: repeat the command",
      name));
}

Error WriteError(const fs::path& path, const std::error_code& code) {
  return Unavailable(fmt::format("cannot write {}: {}", path.string(), code.message()));
}

// The dataset in the folder.
struct InFolder {
  fs::path folder;  // "INTO/NAME"
  // "INTO/NAME.parquet", with its extension in any case; empty if there is none.
  fs::path file;
  std::vector<std::string> files;  // The files of the dataset below the folder.
};

// Finds the dataset. An error if it does not fit the options.
Result<InFolder> FindInFolder(const fs::path& into, const PutOptions& options) {
  InFolder found{.folder = into / options.name};
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(into, code)) {
    const std::string name = entry.path().filename();
    std::error_code ignored;
    const bool is_folder = entry.is_directory(ignored);
    const bool is_file = !is_folder && HasParquetEnding(name);
    const std::string dataset = is_file ? entry.path().stem().string() : name;
    if (IsHiddenName(name) || !EqualsIgnoreCase(dataset, options.name)) continue;
    if (!is_file && !is_folder) continue;
    if (dataset != options.name) {
      return InvalidArgument(fmt::format(
          "there is a dataset \"{}\", and SQL ignores case: choose another name", dataset));
    }
    if (is_file) found.file = entry.path();
  }
  // A missing folder is created later.
  if (code && code != std::errc::no_such_file_or_directory) {
    return Unavailable(fmt::format("cannot read {}: {}", into.string(), code.message()));
  }
  fs::path other;
  if (fs::exists(found.folder, code)) {
    for (const auto& entry : fs::recursive_directory_iterator(found.folder, code)) {
      std::error_code ignored;
      if (entry.is_directory(ignored)) continue;
      if (IsOfDataset(entry.path().lexically_relative(into).string())) {
        found.files.push_back(entry.path());
      } else {
        other = entry.path();
      }
    }
    if (code) {
      return Unavailable(fmt::format("cannot read {}: {}", found.folder.string(), code.message()));
    }
  }
  std::sort(found.files.begin(), found.files.end());
  const bool is_there = !found.files.empty() || !found.file.empty();
  if (is_there && !options.append && !options.replace) return DatasetExistsError(options.name);
  if (options.append && !found.file.empty()) {
    return InvalidArgument(
        fmt::format("{} is one file: nothing can be added to it", found.file.string()));
  }
  // --replace removes the whole folder.
  if (!options.append && !other.empty()) {
    return InvalidArgument(fmt::format(
        "{} is in the folder of the dataset, but is not a part of it: move it away, or choose "
        "another name",
        other.string()));
  }
  return found;
}

// Moves the files into the folder of the dataset. An existing file of the same name has the same
// content, because names are hashes.
Result<> AddFiles(const std::string& dataset, const std::vector<NamedFile>& named,
                  const fs::path& unfinished, const fs::path& folder) {
  std::error_code code;
  for (const NamedFile& file : named) {
    if (fs::exists(folder / file.name, code)) return RowsExistError(dataset);
  }
  fs::create_directories(folder, code);
  std::vector<fs::path> placed;
  for (const NamedFile& file : named) {
    if (!code) fs::rename(unfinished / file.name, folder / file.name, code);
    if (!code) placed.push_back(folder / file.name);
  }
  if (!code) return {};
  std::error_code ignored;
  for (const fs::path& path : placed) fs::remove(path, ignored);
  return WriteError(folder, code);
}

// Replaces the folder, in one step if the file system can exchange two names: renameat2(2).
Result<> PlaceFolder(const fs::path& unfinished, const InFolder& there, const fs::path& former) {
  std::error_code code;
  if (!fs::exists(there.folder, code)) {
    fs::rename(unfinished, there.folder, code);
  } else if (renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, there.folder.c_str(),
                       RENAME_EXCHANGE) != 0) {
    fs::rename(there.folder, former, code);
    if (!code) {
      fs::rename(unfinished, there.folder, code);
      std::error_code ignored;
      if (code) fs::rename(former, there.folder, ignored);
    }
  }
  if (!code && !there.file.empty()) fs::remove(there.file, code);
  if (code) return WriteError(there.folder, code);
  return {};
}

}  // namespace

Result<> PutIntoFolder(const PutOptions& options, const PutTask& task) {
  const fs::path into = options.into;
  TARN_TRY(const InFolder before, FindInFolder(into, options));
  if (options.append) {
    std::vector<std::string> keys;
    for (const std::string& file : before.files) {
      keys.push_back(fs::path(file).lexically_relative(into).string());
    }
    TARN_CHECK_OK(RequireSamePartitions(options.name, keys, ""));
  }
  TARN_TRY(const Workspace workspace, Workspace::Make());
  std::vector<Column> wanted;
  if (options.append && !before.files.empty()) {
    const Input first{
        .files = {before.files.front()}, .format = InputFormat::kParquet, .is_unchecked = true};
    TARN_TRY(ParquetFiles former,
             ingest::ToParquet(first, workspace.path(), {}, {.stop = task.stop}));
    wanted = std::move(former.columns);
  }
  TARN_TRY(const Input input, ToInput(options, workspace.path(), task.stop));
  TARN_TRY(const ParquetFiles files, ingest::ToParquet(input, workspace.path(), wanted, task));
  TARN_TRY(const std::vector<NamedFile> named, NameFiles(files, input.format, task));
  // All new files are complete before the first one is visible. The former ones stay until then.
  TARN_TRY(const Workspace staging, Workspace::MakeIn(into));
  const fs::path unfinished = staging.path() / "new";
  std::error_code code;
  fs::create_directory(unfinished, code);
  if (code) return WriteError(unfinished, code);
  task.progress->Begin(PutPhase::kSending, BytesOf(named));
  for (const NamedFile& file : named) {
    TARN_CHECK_OK(CopyFile(file.path, unfinished / file.name, task));
  }
  task.progress->Finish();
  // From here on, only one process changes this folder.
  const auto lock = FolderLock::Take(into, task.stop);
  // Goes on without a lock if the file system has none.
  if (!lock.ok() && lock.error().kind == ErrorKind::kCancelled) return lock.error();
  TARN_TRY(const InFolder now, FindInFolder(into, options));
  if (options.append) {
    if (!before.files.empty() && !fs::exists(before.files.front(), code)) {
      return ChangedMeanwhileError(options.name);
    }
    TARN_CHECK_OK(AddFiles(options.name, named, unfinished, now.folder));
  } else {
    TARN_CHECK_OK(PlaceFolder(unfinished, now, staging.path() / "former"));
  }
  PrintSummary(options, files, named);
  return {};
}

}  // namespace tarn::cli
