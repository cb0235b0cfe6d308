#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>

#include "ice/base/pacer.hpp"
#include "ice/base/random.hpp"
#include "ice/base/trace.hpp"
#include "ice/io/context.hpp"
#include "io/udp.hpp"

namespace ice::io::detail {

using Timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                      Context::executor_type>;

struct ContextState {
  ContextState(const boost::asio::any_io_executor& executor, TraceSink* sink)
      : strand{make_strand(executor)}, trace{sink} {}

  static boost::asio::any_io_executor make_strand(const boost::asio::any_io_executor& executor);

  Context::executor_type strand;
  CryptoRandom random;
  Pacer pacer;
  TraceSink* trace;
  // The strand runs one handler at a time, and a handler is done with both before another reads or sends.
  DatagramBatch batch;
  std::array<std::uint8_t, scratch_size> scratch;
};

}  // namespace ice::io::detail
