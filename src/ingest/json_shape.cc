#include "ingest/json_shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "duck/quote.h"
#include "ingest/limits.h"

namespace tarn::ingest {
namespace {

// Objects with more keys than this become a MAP if most keys are in few objects, as in DuckDB.
constexpr size_t kStructFieldsMax = 200;
constexpr double kShareMin = 0.1;

// Converts a key to a name that is valid in SQL and Parquet.
std::string NameOfKey(const std::string& key) {
  if (key.empty()) return "_";
  std::string name = key;
  std::replace(name.begin(), name.end(), '\0', '_');
  return name;
}

}  // namespace

JsonShape::JsonShape() = default;

JsonShape& JsonShape::AddList() {
  ++lists_;
  if (element_ == nullptr) element_ = std::make_unique<JsonShape>();
  return *element_;
}

void JsonShape::BeginObject() {
  ++object_;
  next_ = 0;
}

JsonShape::Field* JsonShape::FindField(std::string_view key) {
  size_t at = next_;
  // A repetition is found from the first field of its key, so that the first value of an object is
  // always in the first field.
  if (at >= fields_.size() || fields_[at].is_repetition || fields_[at].key != key) {
    const auto found = index_.find(std::string(key));
    if (found == index_.end()) return nullptr;
    at = found->second;
  }
  while (IsInObject(fields_[at])) {
    at = fields_[at].again;
    if (at == 0) return nullptr;
  }
  next_ = at + 1;
  fields_[at].last_object = object_;
  return &fields_[at];
}

JsonShape::Field& JsonShape::FindOrAddField(std::string_view key) {
  Field* known = FindField(key);
  if (known == nullptr) {
    const auto [first, is_new] = index_.emplace(key, fields_.size());
    if (!is_new) {
      size_t last = first->second;
      while (fields_[last].again != 0) last = fields_[last].again;
      fields_[last].again = fields_.size();
    }
    fields_.push_back({.key = std::string(key),
                       .shape = std::make_unique<JsonShape>(),
                       .is_repetition = !is_new});
    known = &fields_.back();
    known->last_object = object_;
    next_ = fields_.size();
  }
  ++known->count;
  return *known;
}

void JsonShape::Merge(JsonShape& other) {
  is_too_deep_ = is_too_deep_ || other.is_too_deep_;
  nulls_ += other.nulls_;
  booleans_ += other.booleans_;
  lists_ += other.lists_;
  objects_ += other.objects_;
  numbers_.Merge(other.numbers_);
  strings_.Merge(other.strings_);
  if (other.element_ != nullptr) {
    if (element_ == nullptr) element_ = std::make_unique<JsonShape>();
    element_->Merge(*other.element_);
  }
  BeginObject();
  for (Field& field : other.fields_) {
    Field& mine = FindOrAddField(field.key);
    mine.count += field.count - 1;
    mine.shape->Merge(*field.shape);
  }
}

bool JsonShape::IsMap() const {
  if (fields_.size() <= kStructFieldsMax) return false;
  double keys = 0;
  for (const Field& field : fields_) {
    if (field.again != 0) return false;
    keys += static_cast<double>(field.count);
  }
  return keys / static_cast<double>(fields_.size()) / static_cast<double>(objects_) < kShareMin;
}

void JsonShape::BecomeMap() {
  element_ = std::make_unique<JsonShape>();
  for (Field& field : fields_) element_->Merge(*field.shape);
  fields_.clear();
  index_.clear();
}

// Keys with equal names in SQL get numbers in the order of their bytes, so that the names do not
// depend on the order of the keys. Keys that are not valid names come last.
void JsonShape::NameFields(std::vector<std::string>& notes) {
  std::vector<size_t> order(fields_.size());
  std::set<std::string> taken;
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
    taken.insert(ToLowerAscii(fields_[i].key));
  }
  const auto rank = [this](size_t i) {
    return std::pair<bool, const std::string&>(NameOfKey(fields_[i].key) != fields_[i].key,
                                               fields_[i].key);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&rank](size_t a, size_t b) { return rank(a) < rank(b); });
  std::set<std::string> used;
  for (const size_t i : order) {
    Field& field = fields_[i];
    field.name = NameOfKey(field.key);
    for (size_t number = 1; !used.insert(ToLowerAscii(field.name)).second; ++number) {
      field.name = fmt::format("{}_{}", NameOfKey(field.key), number);
      if (taken.contains(ToLowerAscii(field.name))) field.name = NameOfKey(field.key);
    }
    if (field.name != field.key) {
      notes.push_back(fmt::format("the key \"{}\" is column \"{}\"", field.key, field.name));
    }
  }
}

bool JsonShape::HasScalars() const {
  return booleans_ > 0 || numbers_.count() > 0 || strings_.count() > 0;
}

void JsonShape::Finish(bool is_record, std::vector<std::string>& notes) {
  FinishAt(0, is_record, notes);
}

void JsonShape::FinishAt(int lists, bool is_record, std::vector<std::string>& notes) {
  if (is_too_deep_ || (HasScalars() && (lists_ > 0 || objects_ > 0)) ||
      (lists_ > 0 && objects_ > 0)) {
    form_ = Form::kJson;
  } else if (lists_ > 0) {
    form_ = lists < kListsMax ? Form::kList : Form::kJson;
  } else if (objects_ > 0 && !is_record && (IsMap() || fields_.size() > kColumnsMax)) {
    form_ = lists < kListsMax ? Form::kMap : Form::kJson;
    if (form_ == Form::kMap) BecomeMap();
  } else if (!fields_.empty()) {
    form_ = Form::kStruct;
    NameFields(notes);
    for (Field& field : fields_) field.shape->FinishAt(lists, false, notes);
  } else {
    // A column of nulls and empty objects has no type.
    form_ = HasScalars() ? Form::kText : Form::kJson;
  }
  if (form_ == Form::kList || form_ == Form::kMap) element_->FinishAt(lists + 1, false, notes);
}

const TextKinds* JsonShape::Kinds() const {
  const int kinds =
      (booleans_ > 0 ? 1 : 0) + (numbers_.count() > 0 ? 1 : 0) + (strings_.count() > 0 ? 1 : 0);
  if (kinds != 1 || booleans_ > 0) return nullptr;
  return numbers_.count() > 0 ? &numbers_ : &strings_;
}

bool JsonShape::HasOnlyStrings() const { return form_ == Form::kText && Kinds() == &strings_; }

std::string JsonShape::TypeName() const {
  switch (form_) {
    case Form::kJson:
      return "JSON";
    case Form::kList:
      return element_->TypeName() + "[]";
    case Form::kMap:
      return fmt::format("MAP(VARCHAR, {})", element_->TypeName());
    case Form::kStruct: {
      std::string list;
      for (const Field& field : fields_) {
        list += fmt::format("{}{} {}", list.empty() ? "" : ", ", duck::QuoteIdentifier(field.name),
                            field.shape->TypeName());
      }
      return fmt::format("STRUCT({})", list);
    }
    case Form::kText:
      break;
  }
  if (const TextKinds* kinds = Kinds()) return kinds->Type();
  const bool is_boolean = numbers_.count() == 0 && strings_.count() == 0;
  return is_boolean ? "BOOLEAN" : "VARCHAR";
}

duck::TextType JsonShape::Type() const {
  using Kind = duck::TextType::Kind;
  duck::TextType type;
  if (form_ == Form::kStruct) {
    type.kind = Kind::kStruct;
    for (const Field& field : fields_) {
      type.names.push_back(field.name);
      type.children.push_back(field.shape->Type());
    }
  } else if (form_ == Form::kList || form_ == Form::kMap) {
    type.kind = form_ == Form::kList ? Kind::kList : Kind::kMap;
    type.children.push_back(element_->Type());
  }
  return type;
}

void JsonShape::AddNotes(const std::string& path, std::vector<std::string>& notes) const {
  if (form_ == Form::kStruct) {
    for (const Field& field : fields_) field.shape->AddNotes(path + "." + field.name, notes);
  } else if (form_ == Form::kList || form_ == Form::kMap) {
    element_->AddNotes(path, notes);
  } else if (form_ == Form::kText && Kinds() != nullptr) {
    AddTypeNotes(path, *Kinds(), notes);
  }
}

}  // namespace tarn::ingest
