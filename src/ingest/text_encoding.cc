#include "ingest/text_encoding.h"

#include <fmt/format.h>

#include "ingest/text_reader.h"

namespace tarn::ingest {

namespace fs = std::filesystem;

fs::path Utf8File(const fs::path& folder, size_t index, const std::string& file) {
  fs::path name = fs::path(file).filename();
  if (PackingOf(name.string()) != Packing::kNone) name.replace_extension();
  return folder / fmt::format("utf-8-{}", index) / name;
}

Result<Input> WithUtf8(Input input, const fs::path& folder, const PutTask& task) {
  task.progress->Begin(PutPhase::kDecoding, BytesOfFiles(input.files));
  for (size_t i = 0; i < input.files.size(); ++i) {
    const fs::path out = Utf8File(folder, i, input.files[i]);
    std::error_code code;
    fs::create_directory(out.parent_path(), code);
    if (code) return Unavailable(fmt::format("{}: {}", out.parent_path().string(), code.message()));
    TARN_TRY(const bool is_converted,
             ConvertToUtf8({.path = input.files[i], .encoding = input.encoding}, out, task.Hook()));
    if (is_converted) {
      input.files[i] = out;
    } else {
      fs::remove(out.parent_path(), code);
    }
  }
  return input;
}

}  // namespace tarn::ingest
