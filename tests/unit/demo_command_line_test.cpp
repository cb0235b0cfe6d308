#include <gtest/gtest.h>

#include <array>

#include "common/command_line.hpp"

namespace ice::programs {
namespace {

struct Parsed {
  std::optional<ExitStatus> status;
  std::string standard_output;
  std::string standard_error;
  CommonOptions common;
  std::vector<Endpoint> listen;
};

template <std::size_t N>
Parsed parse(const std::array<const char*, N>& arguments) {
  Parsed parsed;
  CLI::App app{"a program of the test", "tester"};
  add_common_options(app, parsed.common);
  app.add_option("--listen", parsed.listen)->check(endpoint_form());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  parsed.status = parse_command_line(app, static_cast<int>(N), arguments.data());
  parsed.standard_output = testing::internal::GetCapturedStdout();
  parsed.standard_error = testing::internal::GetCapturedStderr();
  return parsed;
}

TEST(CommandLine, ReadsWhatAllProgramsTake) {
  const auto parsed = parse(std::array{"tester", "--json", "--lang", "ko"});
  EXPECT_FALSE(parsed.status);
  EXPECT_TRUE(parsed.common.json);
  EXPECT_EQ(parsed.common.language, Language::ko);
}

TEST(CommandLine, ReadsEndpointsOfBothFamilies) {
  const auto parsed = parse(std::array{"tester", "--listen", "127.0.0.1:0", "--listen", "[::1]:3478"});
  EXPECT_FALSE(parsed.status);
  ASSERT_EQ(parsed.listen.size(), 2U);
  EXPECT_EQ(parsed.listen[0].to_string(), "127.0.0.1:0");
  EXPECT_EQ(parsed.listen[1].to_string(), "[::1]:3478");
}

TEST(CommandLine, EndsWithTwoAndOneLineOnWrongUsage) {
  for (const auto& wrong : {std::array{"tester", "--lang", "tlh"}, std::array{"tester", "--listen", "localhost:1"},
                            std::array{"tester", "--nonsense", "x"}}) {
    const auto parsed = parse(wrong);
    EXPECT_EQ(parsed.status, exit_usage) << wrong[1];
    EXPECT_EQ(parsed.standard_output, "");
    EXPECT_TRUE(parsed.standard_error.starts_with("tester: ")) << parsed.standard_error;
    EXPECT_EQ(std::count(parsed.standard_error.begin(), parsed.standard_error.end(), '\n'), 1) << parsed.standard_error;
  }
}

TEST(CommandLine, EndsWithZeroAfterHelp) {
  const auto parsed = parse(std::array{"tester", "--help"});
  EXPECT_EQ(parsed.status, exit_success);
  EXPECT_NE(parsed.standard_output.find("--lang"), std::string::npos);
  EXPECT_EQ(parsed.standard_error, "");
}

}  // namespace
}  // namespace ice::programs
