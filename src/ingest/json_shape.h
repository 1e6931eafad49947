#pragma once

// The shape of JSON values: their kinds, and the shapes of their fields and elements.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text_hash.h"
#include "duck/row_source.h"
#include "ingest/text_kinds.h"
#include "ingest/text_rules.h"

namespace tarn::ingest {

// The maximum number of levels of a value. Deeper values become JSON text, and so do lists and maps
// nested in kListsMax others.
inline constexpr int kJsonLevelsMax = 24;

// The common shape of all values at one place of the records. Filled by adding values, then
// finished, then used to write them.
class JsonShape {
 public:
  enum class Form : uint8_t { kText, kJson, kList, kStruct, kMap };

  struct Field {
    std::string key;   // Can be empty, contain NUL, or differ from another key only in case.
    std::string name;  // The name of the column or STRUCT field, unique without regard to case.
    std::unique_ptr<JsonShape> shape;
    uint64_t count = 0;  // The number of objects with this key.
    uint64_t last_object = 0;
    size_t again = 0;  // The field for a repetition of the key in one object; 0: none.
    bool is_repetition = false;
  };

  JsonShape();

  void AddNull() { ++nulls_; }
  void AddBoolean() { ++booleans_; }
  void AddNumber(std::string_view text) { numbers_.Add(text); }
  void AddString(std::string_view text) { strings_.Add(text); }
  void AddTooDeep() { is_too_deep_ = true; }
  // The shape of the elements of a list.
  JsonShape& AddList();
  void AddObject() { ++objects_; }

  // Begins the lookup of the keys of one object.
  void BeginObject();
  // The field of the next key of the object. FindField returns nullptr for an unknown key.
  Field& FindOrAddField(std::string_view key);
  Field* FindField(std::string_view key);
  bool IsInObject(const Field& field) const { return field.last_object == object_; }

  // Merges another shape into this shape, and leaves the other one empty.
  void Merge(JsonShape& other);

  // Chooses the form and the names of the fields. Adds a line to `notes` for each name that differs
  // from its key. `is_record`: the shape of the records, which is never a MAP.
  void Finish(bool is_record, std::vector<std::string>& notes);

  Form form() const { return form_; }
  bool IsRecord() const { return form_ == Form::kStruct; }
  const std::vector<Field>& fields() const { return fields_; }
  JsonShape& element() const { return *element_; }  // The elements of a list or values of a MAP.

  // Stores all values as JSON text.
  void KeepJson() { form_ = Form::kJson; }
  // A rule for all values, which have the form kText.
  void SetRule(const std::string& column, ColumnRule rule) {
    column_ = column;
    rule_ = std::move(rule);
  }
  Result<> CheckText(std::string_view text) const {
    return rule_.holds == nullptr ? Result<>() : ingest::CheckText(rule_, column_, text);
  }

  // "STRUCT("a" BIGINT, "b" VARCHAR[])"
  std::string TypeName() const;
  duck::TextType Type() const;
  // Adds a note if a value makes the column text, or if its times lose digits. `path`:
  // "column.field".
  void AddNotes(const std::string& path, std::vector<std::string>& notes) const;
  bool HasOnlyStrings() const;

 private:
  // `lists`: the number of lists and maps around these values.
  void FinishAt(int lists, bool is_record, std::vector<std::string>& notes);
  bool IsMap() const;
  void BecomeMap();
  void NameFields(std::vector<std::string>& notes);
  bool HasScalars() const;
  const TextKinds* Kinds() const;

  Form form_ = Form::kText;
  std::string column_;  // Set with rule_.
  ColumnRule rule_;
  bool is_too_deep_ = false;
  uint64_t nulls_ = 0;
  uint64_t booleans_ = 0;
  uint64_t lists_ = 0;
  uint64_t objects_ = 0;
  TextKinds numbers_{kNumberKinds};
  TextKinds strings_{kStringKinds};
  std::unique_ptr<JsonShape> element_;
  std::vector<Field> fields_;
  TextMap<size_t> index_;
  uint64_t object_ = 0;  // The object whose keys are looked up.
  size_t next_ = 0;      // The most likely next field.
};

}  // namespace tarn::ingest
