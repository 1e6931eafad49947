#include "s3/xml.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace tarn::s3 {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

// Returns "a/b: text" for each element, then the error, if any.
std::vector<std::string> Read(std::string_view xml) {
  std::vector<std::string> out;
  const Result<> read = ReadXml(xml, [&](XmlPath path, std::string_view text) -> Result<> {
    std::string line;
    for (const std::string& name : path) line += fmt::format("{}{}", line.empty() ? "" : "/", name);
    out.push_back(fmt::format("{}: {}", line, text));
    return {};
  });
  if (!read.ok()) out.push_back(read.error().message);
  return out;
}

TEST(XmlTest, ReadsElementsAndText) {
  EXPECT_THAT(Read("\xEF\xBB\xBF<?xml version='1.0'?><!-- <x> --><a xmlns='>' n=\"/>\">1<b/>2<b\n>"
                   "<![CDATA[<&]]>]</b ></a>\n<!-- end -->\n"),
              ElementsAre("a/b: ", "a/b: <&]", "a: 12"));
}

TEST(XmlTest, ReadsReferences) {
  EXPECT_THAT(Read("<a>&lt;&gt;&amp;&quot;&apos;&#38;&#x26;&#xe9;&#x20AC;&#x1F986;</a>"),
              ElementsAre("a: <>&\"'&&é€🦆"));
  for (const char* wrong : {"&", "&amp", "&nbsp;", "&;", "&#;", "&#x;", "&#0;", "&#1;", "&#xD800;",
                            "&#x110000;", "&#99999999999;", "&#-1;", "&# 1;", "&#x 1;"}) {
    EXPECT_THAT(Read(fmt::format("<a>{}</a>", wrong)), ElementsAre(StartsWith("not XML: ")))
        << wrong;
  }
}

TEST(XmlTest, RejectsMalformedXml) {
  for (const char* wrong : {"",
                            " ",
                            "text",
                            "<",
                            "<a",
                            "<a>",
                            "<a></b>",
                            "</a>",
                            "<a><b></a></b>",
                            "<a/><b/>",
                            "<a/>x",
                            "<a b=/c>",
                            "<a b='/>",
                            "<a <b/>",
                            "<>",
                            "< a/>",
                            "<a></a x>",
                            "<!DOCTYPE html><a/>",
                            "<a><!ENTITY b 'c'></a>",
                            "<![CDATA[x]]><a/>",
                            "<a><![CDATA[x</a>",
                            "<!-- x"}) {
    EXPECT_THAT(Read(wrong).back(), StartsWith("not XML: ")) << wrong;
  }
}

TEST(XmlTest, RejectsDeepNesting) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  EXPECT_THAT(Read(deep), ElementsAre("not XML: nested too deeply"));
}

TEST(XmlTest, FindsAnElementOfABrokenDocument) {
  EXPECT_EQ(XmlElement("<Error><Code>NoSuchKey</Code><Message>no &amp;", "Code"), "NoSuchKey");
  EXPECT_EQ(XmlElement("<Error><A><Code>1</Code></A><Code>2</Code></Error>", "Code"), "1");
  EXPECT_EQ(XmlElement("<Error><Code>NoSuchKey</Code></Error>", "Message"), "");
  EXPECT_EQ(XmlElement("<!DOCTYPE html><Code>x</Code>", "Code"), "");
}

}  // namespace
}  // namespace tarn::s3
