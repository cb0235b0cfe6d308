// docs/why-did-it-fail.md says of each cause what explain() says of it.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "ice/explain.hpp"

namespace ice {
namespace {

std::string page(const std::string& name) {
  std::ifstream file{std::string{ICE_SOURCE_DIR} + "/docs/" + name};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Lines are broken where they are too long: white space counts once.
std::string unwrapped(const std::string& text) {
  std::istringstream words{text};
  std::string all;
  for (std::string word; words >> word;) all.append(all.empty() ? "" : " ").append(word);
  return all;
}

TEST(ExplainDocs, EachCauseHasASectionWithItsMeaningItsRemedyAndItsRfcInBothLanguages) {
  for (const auto& [name, language] :
       {std::pair{"why-did-it-fail.md", Language::en}, std::pair{"why-did-it-fail.ko.md", Language::ko}}) {
    const std::string text = unwrapped(page(name));
    for (std::size_t i = 0; i < root_causes; ++i) {
      const auto cause = static_cast<RootCause>(i);
      const std::size_t section = text.find("### " + std::string{to_string(cause)} + " ");
      ASSERT_NE(section, std::string::npos) << name << ": " << to_string(cause);
      const std::string rest = text.substr(section, text.find("### ", section + 4) - section);
      for (const std::string_view said : {meaning(cause, language), remedy(cause, language), rfc_section(cause)})
        EXPECT_NE(rest.find(unwrapped(std::string{said})), std::string::npos)
            << name << ": " << to_string(cause) << ": " << said;
    }
  }
}

}  // namespace
}  // namespace ice
