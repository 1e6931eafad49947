#include "base/text_list.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace tarn {
namespace {

constexpr unsigned kDigitBits = 7;
constexpr unsigned kMore = 0x80;  // Another byte of the number follows.

// LEB128, as in Protocol Buffers.
void AppendNumber(size_t number, std::string& out) {
  for (; number >= kMore; number >>= kDigitBits) {
    out += static_cast<char>((number & (kMore - 1)) | kMore);
  }
  out += static_cast<char>(number);
}

std::optional<size_t> ConsumeNumber(std::string_view& bytes) {
  size_t number = 0;
  for (unsigned shift = 0; shift < 32 && !bytes.empty(); shift += kDigitBits) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    number |= size_t{byte & (kMore - 1)} << shift;
    if ((byte & kMore) == 0) return number;
  }
  return std::nullopt;
}

}  // namespace

TextList::TextList(std::initializer_list<std::string_view> texts) {
  Builder builder;
  for (const std::string_view text : texts) builder.Add(text);
  *this = builder.Build();
}

TextList::TextList(const std::vector<std::string>& texts) {
  Builder builder;
  for (const std::string& text : texts) builder.Add(text);
  *this = builder.Build();
}

std::string_view TextList::operator[](size_t index) const {
  const size_t begin = index == 0 ? 0 : texts_->ends[index - 1];
  return std::string_view(texts_->bytes).substr(begin, texts_->ends[index] - begin);
}

std::string_view TextList::at(size_t index) const {
  if (index >= size()) throw std::out_of_range("TextList::at");
  return (*this)[index];
}

size_t TextList::bytes() const {
  if (texts_ == nullptr) return 0;
  return texts_->bytes.capacity() + texts_->ends.capacity() * sizeof(uint32_t);
}

std::string TextList::Encode() const {
  std::string out;
  if (texts_ != nullptr) out.reserve(texts_->bytes.size() + 2 * size());
  for (const std::string_view text : *this) {
    AppendNumber(text.size(), out);
    out += text;
  }
  return out;
}

std::optional<TextList> TextList::Decode(std::string_view encoded) {
  // Counts the texts first, to reserve exactly the memory that is needed.
  size_t count = 0;
  size_t bytes = 0;
  for (std::string_view rest = encoded; !rest.empty(); ++count) {
    const std::optional<size_t> size = ConsumeNumber(rest);
    if (!size || *size > rest.size()) return std::nullopt;
    bytes += *size;
    rest.remove_prefix(*size);
  }
  if (bytes > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  Builder builder;
  builder.Reserve(count, bytes);
  while (!encoded.empty()) {
    const size_t size = *ConsumeNumber(encoded);
    builder.Add(encoded.substr(0, size));
    encoded.remove_prefix(size);
  }
  return builder.Build();
}

bool TextList::operator==(const TextList& other) const {
  return texts_ == other.texts_ ||
         (size() == other.size() && std::equal(begin(), end(), other.begin()));
}

void TextList::Builder::Reserve(size_t count, size_t bytes) {
  texts_->ends.reserve(count);
  texts_->bytes.reserve(bytes);
}

void TextList::Builder::Add(std::string_view text) {
  if (texts_->bytes.size() + text.size() > std::numeric_limits<uint32_t>::max()) {
    throw std::length_error("a list of texts exceeds 4 GiB");
  }
  texts_->bytes += text;
  texts_->ends.push_back(static_cast<uint32_t>(texts_->bytes.size()));
}

TextList TextList::Builder::Build() {
  std::shared_ptr<Texts> built = std::exchange(texts_, std::make_shared<Texts>());
  if (built->ends.empty()) return {};
  built->bytes.shrink_to_fit();
  built->ends.shrink_to_fit();
  return TextList(std::move(built));
}

}  // namespace tarn
