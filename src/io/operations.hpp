#pragma once

#include <algorithm>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "ice/io/any_handler.hpp"
#include "ice/io/context.hpp"

namespace ice::io::detail {

/// Calls `cancel` on the strand when the application wants the handler's operation cancelled (a per-operation
/// cancellation of Asio). That may be long after it has ended: `cancel` must hold nothing that dies before it.
template <class Cancel, class... Results>
void on_cancel(const AnyHandler<Results...>& handler, const Context::executor_type& strand, Cancel cancel) {
  auto slot = handler.cancellation_slot();
  if (!slot.is_connected()) return;
  slot.assign([strand, cancel = std::move(cancel)](boost::asio::cancellation_type type) {
    if (type != boost::asio::cancellation_type::none) boost::asio::dispatch(strand, cancel);
  });
}

/// Operations that wait, in the order in which they began, each with what it needs beside its handler.
template <class Extra, class... Results>
class Operations {
 public:
  struct Operation {
    AnyHandler<Results...> handler;
    std::uint64_t id;
    Extra extra;
  };

  /// A cancellation that comes when the list is gone finds nothing.
  static void add(const std::shared_ptr<Operations>& list, const Context::executor_type& strand,
                  AnyHandler<Results...> handler, Extra extra = {}) {
    const std::uint64_t id = ++list->last_id_;
    on_cancel(handler, strand, [weak = std::weak_ptr{list}, id] {
      if (const auto known = weak.lock()) known->cancel(id);
    });
    list->waiting_.push_back({std::move(handler), id, extra});
  }

  bool empty() const noexcept { return waiting_.empty(); }

  Operation take_first() {
    Operation first = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    return first;
  }

  void complete_all(boost::system::error_code error, const Results&... results) {
    while (!empty()) take_first().handler.complete(error, results...);
  }

 private:
  void cancel(std::uint64_t id) {
    const auto found =
        std::find_if(waiting_.begin(), waiting_.end(), [id](const Operation& one) { return one.id == id; });
    if (found == waiting_.end()) return;
    Operation cancelled = std::move(*found);
    waiting_.erase(found);
    cancelled.handler.complete(boost::asio::error::operation_aborted, Results{}...);
  }

  std::vector<Operation> waiting_;
  std::uint64_t last_id_ = 0;
};

}  // namespace ice::io::detail
