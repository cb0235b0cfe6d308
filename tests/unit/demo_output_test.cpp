#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>

#include "common/output.hpp"
#include "common/table.hpp"

namespace ice::programs {
namespace {

/// A pipe, and what was written into it.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_.data()), 0); }
  ~Pipe() {
    close_input();
    if (ends_[0] >= 0) ::close(ends_[0]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int input() const { return ends_[1]; }
  void close_output() {
    ::close(ends_[0]);
    ends_[0] = -1;
  }
  void close_input() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }
  /// Until the input is closed.
  std::string read_all() const {
    std::string all;
    std::array<char, 4096> buffer;
    for (ssize_t size; (size = ::read(ends_[0], buffer.data(), buffer.size())) > 0;)
      all.append(buffer.data(), static_cast<std::size_t>(size));
    return all;
  }

 private:
  std::array<int, 2> ends_{};
};

std::string written_by(const std::function<void(Output&)>& write) {
  Pipe pipe;
  {
    Output output{pipe.input()};
    write(output);
  }
  pipe.close_input();
  return pipe.read_all();
}

TEST(ProgramOutput, WritesOneObjectALine) {
  EXPECT_EQ(written_by([](Output& output) {
              output.json({{"event", "message"}, {"text", "two\nlines"}});
              output.json({{"event", "left"}});
            }),
            "{\"event\":\"message\",\"text\":\"two\\nlines\"}\n{\"event\":\"left\"}\n");
}

TEST(ProgramOutput, LeavesNoEscapesWhereThereIsNoTerminal) {
  EXPECT_EQ(written_by([](Output& output) {
              output.progress("1 of 6");
              output.line(output.paint(Colour::green, "connected"));
              output.progress("2 of 6");
            }),
            "connected\n");
}

TEST(ProgramOutput, WritesWholeLinesIntoAPipeThatSomebodyMadeNonBlocking) {
  Pipe pipe;
  ASSERT_EQ(::fcntl(pipe.input(), F_SETFL, O_NONBLOCK), 0);
  const std::string long_text(300'000, 'x');  // more than a pipe holds
  std::string read;
  std::thread reader{[&] { read = pipe.read_all(); }};
  Output{pipe.input()}.line(long_text);
  pipe.close_input();
  reader.join();
  EXPECT_EQ(read, long_text + "\n");
}

TEST(ProgramOutput, EndsTheProgramOnceAndInOrderWhenNobodyReadsAnyMore) {
  static volatile std::sig_atomic_t asked_to_end = 0;
  asked_to_end = 0;
  const auto former_pipe = std::signal(SIGPIPE, SIG_IGN);
  const auto former_end = std::signal(SIGTERM, [](int) { asked_to_end = asked_to_end + 1; });
  {
    Pipe pipe;
    Output output{pipe.input()};
    output.line("read");
    pipe.close_output();
    EXPECT_EQ(asked_to_end, 0);
    output.line("not read");
    output.line("nor this");
  }
  EXPECT_EQ(asked_to_end, 1);
  std::signal(SIGTERM, former_end);
  std::signal(SIGPIPE, former_pipe);
}

TEST(ProgramTable, AlignsByColumnsOnTheScreenNotByBytes) {
  Pipe pipe;
  Table table{{Table::Align::left, Table::Align::right, Table::Align::left}};
  table.add_row({{"pair"}, {"ms"}, {"type"}});
  table.add_row({{"철수", Colour::green}, {"7"}, {"host"}});
  EXPECT_EQ(table.render(Output{pipe.input()}),
            "pair  ms  type\n"
            "철수   7  host");
}

}  // namespace
}  // namespace ice::programs
