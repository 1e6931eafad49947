#include "cli/text_encoding.h"

#include <fmt/format.h>

#include "ingest/text_reader.h"

namespace tarn::cli {

namespace fs = std::filesystem;

Result<Input> WithUtf8(Input input, const fs::path& folder, const PutTask& task) {
  task.progress->Begin(PutPhase::kDecoding, BytesOfFiles(input.files));
  for (size_t i = 0; i < input.files.size(); ++i) {
    const fs::path parent = folder / fmt::format("utf-8-{}", i);
    fs::path name = fs::path(input.files[i]).filename();
    if (ingest::PackingOf(name.string()) != ingest::Packing::kNone) name.replace_extension();
    std::error_code code;
    fs::create_directory(parent, code);
    if (code) return Unavailable(fmt::format("{}: {}", parent.string(), code.message()));
    TARN_TRY(const bool is_converted,
             ingest::ConvertToUtf8({.path = input.files[i], .encoding = input.encoding},
                                   parent / name, task.Hook()));
    if (is_converted) {
      input.files[i] = parent / name;
    } else {
      fs::remove(parent, code);
    }
  }
  return input;
}

}  // namespace tarn::cli
