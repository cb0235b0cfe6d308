#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string_view>
#include <vector>

#include "mesh_demo/lines.hpp"

namespace ice::mesh {

/// Standard input, line by line, whatever it is: a terminal, a pipe, a file or nothing. Its end ends nothing else.
class StdinLines {
 public:
  struct Handlers {
    std::function<void(std::string_view)> line;
    std::function<bool()> may_read;  ///< false: the line has to wait
    std::function<void()> too_long;  ///< a line was longer than longest_line; nothing more is read
  };

  StdinLines(const boost::asio::any_io_executor& executor, Handlers handlers);
  /// Gives standard input back as it was: others may share it.
  ~StdinLines();
  StdinLines(const StdinLines&) = delete;
  StdinLines& operator=(const StdinLines&) = delete;

  void start();

 private:
  void wait();
  void pause();
  void read();
  /// False when it has to stop for now.
  bool hand_over();

  Handlers handlers_;
  boost::asio::posix::stream_descriptor input_;
  boost::asio::steady_timer timer_;
  int flags_;
  LineSplitter lines_;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace ice::mesh
