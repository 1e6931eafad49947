#include "queryd/http/dataset_list.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "queryd/datasets/test_registrar.h"

namespace tarn::queryd {
namespace {

using Json = nlohmann::json;

class DatasetListTest : public RegistrarTest {
 protected:
  DatasetList List(bool has_columns, auth::DatasetScope scope = {}) {
    return {registrar, std::move(scope), has_columns};
  }
  static std::vector<std::string> Pieces(DatasetList list) {
    std::vector<std::string> pieces;
    for (;;) {
      Result<std::optional<std::string>> piece = list.Next();
      EXPECT_TRUE(piece.ok());
      if (!piece.ok() || !*piece) return pieces;
      pieces.push_back(std::move(**piece));
    }
  }
  static Json Whole(DatasetList list) {
    std::string text;
    for (const std::string& piece : Pieces(std::move(list))) text += piece;
    return Json::parse(text)["datasets"];
  }
  // 1,000 columns, and 1 MB of text in the list.
  void MakeWide() {
    engine.columns.clear();
    for (int i = 0; i < 1000; ++i) {
      engine.columns.push_back({std::to_string(i) + std::string(500, '"'), "INTEGER"});
    }
  }
};

TEST_F(DatasetListTest, IsEmptyWithoutDatasets) {
  EXPECT_EQ(Pieces(List(false)), std::vector<std::string>{R"({"datasets":[]})"});
}

TEST_F(DatasetListTest, ListsTheAllowedDatasetsInTheOrderOfTheirNames) {
  for (int i = 0; i < 250; ++i) catalog.Add("d" + std::to_string(1000 + i), "k", 1);
  catalog.Add("other", "k", 1);
  Refresh();
  const Json all = Whole(List(false));
  ASSERT_EQ(all.size(), 251U);
  EXPECT_EQ(all[7], Json::parse(R"({"name":"d1007","row_count":null,"objects":1,"bytes":null})"));
  EXPECT_EQ(Whole(List(false, auth::DatasetScope::Of({"d*"}))).size(), 250U);
  const Json one = Whole(List(true, auth::DatasetScope::Of({"other"})));
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0]["columns"], Json::parse(R"([{"name":"id","type":"INTEGER"}])"));
}

TEST_F(DatasetListTest, PiecesAreSmallerThanAWideDataset) {
  MakeWide();
  for (const char* name : {"a", "b", "c"}) catalog.Add(name, "k", 1);
  Refresh();
  const std::vector<std::string> pieces = Pieces(List(true));
  EXPECT_GE(pieces.size(), 12U);
  for (const std::string& piece : pieces) EXPECT_LT(piece.size(), DatasetList::kPieceBytes + 5000);
  const Json all = Whole(List(true));
  ASSERT_EQ(all.size(), 3U);
  for (const Json& each : all) {
    ASSERT_EQ(each["columns"].size(), 1000U);
    EXPECT_EQ(each["columns"][999]["name"], engine.columns[999].name);
  }
}

TEST_F(DatasetListTest, FailsIfADatasetChangesAfterAPartOfItsColumns) {
  MakeWide();
  catalog.Add("a", "k", 1);
  Refresh();
  DatasetList list = List(true);
  ASSERT_TRUE(list.Next().ok());
  catalog.Add("a", "other", 2);
  Refresh();
  const Result<std::optional<std::string>> rest = list.Next();
  ASSERT_FALSE(rest.ok());
  EXPECT_EQ(rest.error().kind, ErrorKind::kStale);
}

}  // namespace
}  // namespace tarn::queryd
