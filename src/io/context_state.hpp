#pragma once

#include <array>
#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>

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
  ContextState(boost::asio::any_io_executor executor, TraceSink* sink)
      : strand{boost::asio::make_strand(std::move(executor))}, trace{sink} {}

  Context::executor_type strand;
  CryptoRandom random;
  Pacer pacer;
  TraceSink* trace;
  // The strand runs one handler at a time, and a handler is done with both before another reads or sends.
  DatagramBatch batch;
  std::array<std::uint8_t, scratch_size> scratch;
};

}  // namespace ice::io::detail
