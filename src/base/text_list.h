#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarn {

// An immutable list of texts in two blocks of memory, which copies share. A text takes its bytes
// and four more, where a std::string in a std::vector takes 32 more and a block of its own.
class TextList {
 public:
  class Builder;
  class Iterator;
  using value_type = std::string_view;
  using const_reference = std::string_view;
  using const_iterator = Iterator;

  TextList() = default;
  TextList(std::initializer_list<std::string_view> texts);
  TextList(const std::vector<std::string>& texts);  // NOLINT(google-explicit-constructor)

  size_t size() const { return texts_ == nullptr ? 0 : texts_->ends.size(); }
  bool empty() const { return size() == 0; }
  // Valid as long as a copy of the list exists. The index must be less than size().
  std::string_view operator[](size_t index) const;
  // Throws std::out_of_range.
  std::string_view at(size_t index) const;
  Iterator begin() const;
  Iterator end() const;

  // The memory for the texts, without that of the object itself.
  size_t bytes() const;

  // The list as one text, for messages and hashes: the length and the bytes of each text.
  std::string Encode() const;
  // Returns nullopt if Encode does not return this text.
  static std::optional<TextList> Decode(std::string_view encoded);

  bool operator==(const TextList& other) const;

 private:
  struct Texts {
    std::string bytes;
    std::vector<uint32_t> ends;  // The end of each text in `bytes`.
  };
  explicit TextList(std::shared_ptr<const Texts> texts) : texts_(std::move(texts)) {}

  std::shared_ptr<const Texts> texts_;  // Null: empty.
};

class TextList::Builder {
 public:
  void Reserve(size_t count, size_t bytes);
  // Throws std::length_error if the texts exceed 4 GiB.
  void Add(std::string_view text);
  TextList Build();

 private:
  std::shared_ptr<Texts> texts_ = std::make_shared<Texts>();
};

class TextList::Iterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = std::string_view;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = std::string_view;

  Iterator() = default;
  Iterator(const TextList* list, size_t index) : list_(list), index_(index) {}
  std::string_view operator*() const { return (*list_)[index_]; }
  Iterator& operator++() {
    ++index_;
    return *this;
  }
  Iterator operator++(int) {
    Iterator former = *this;
    ++index_;
    return former;
  }
  bool operator==(const Iterator& other) const { return index_ == other.index_; }

 private:
  const TextList* list_ = nullptr;
  size_t index_ = 0;
};

inline TextList::Iterator TextList::begin() const { return {this, 0}; }
inline TextList::Iterator TextList::end() const { return {this, size()}; }

}  // namespace tarn
