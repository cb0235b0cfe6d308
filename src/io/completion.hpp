#pragma once

#include <algorithm>
#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "ice/io/context.hpp"

namespace ice::io::detail {

/// A handler of the application that waits for its operation to end. Its executor has work until then.
template <class... Results>
class Completion {
 public:
  using Handler = boost::asio::any_completion_handler<void(boost::system::error_code, Results...)>;

  Completion(Context::executor_type strand, Handler handler)
      : strand_{std::move(strand)},
        handler_{std::move(handler)},
        work_{boost::asio::prefer(boost::asio::get_associated_executor(handler_, strand_),
                                  boost::asio::execution::outstanding_work.tracked)} {}

  /// False once it was completed.
  explicit operator bool() const noexcept { return static_cast<bool>(handler_); }

  /// Calls the handler later, never from here. Once.
  void complete(boost::system::error_code error, Results... results) {
    boost::asio::post(strand_, boost::asio::append(std::move(handler_), error, std::move(results)...));
    work_ = nullptr;
  }

  /// Calls `cancel` on the strand when the application wants the operation cancelled (a per-operation cancellation of
  /// Asio). That may be long after it has ended: `cancel` must hold nothing that dies before it.
  template <class Cancel>
  void on_cancel(Cancel cancel) {
    auto slot = boost::asio::get_associated_cancellation_slot(handler_);
    if (!slot.is_connected()) return;
    slot.assign([strand = strand_, cancel = std::move(cancel)](boost::asio::cancellation_type type) {
      if (type != boost::asio::cancellation_type::none) boost::asio::dispatch(strand, cancel);
    });
  }

 private:
  Context::executor_type strand_;
  Handler handler_;
  boost::asio::any_completion_executor work_;
};

/// Operations that wait, in the order in which they began, each with what it needs beside its handler.
template <class Extra, class... Results>
class Operations {
 public:
  struct Operation {
    Completion<Results...> completion;
    std::uint64_t id;
    Extra extra;
  };

  /// `list` is held for as long as it lives by others: a late cancellation finds nothing.
  static void add(const std::shared_ptr<Operations>& list, Completion<Results...> completion, Extra extra = {}) {
    const std::uint64_t id = ++list->last_id_;
    completion.on_cancel([weak = std::weak_ptr{list}, id] {
      if (const auto known = weak.lock()) known->cancel(id);
    });
    list->waiting_.push_back({std::move(completion), id, extra});
  }

  bool empty() const noexcept { return waiting_.empty(); }

  Operation take_first() {
    Operation first = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    return first;
  }

  void complete_all(boost::system::error_code error, const Results&... results) {
    while (!empty()) take_first().completion.complete(error, results...);
  }

 private:
  void cancel(std::uint64_t id) {
    const auto found =
        std::find_if(waiting_.begin(), waiting_.end(), [id](const Operation& one) { return one.id == id; });
    if (found == waiting_.end()) return;
    Operation cancelled = std::move(*found);
    waiting_.erase(found);
    cancelled.completion.complete(boost::asio::error::operation_aborted, Results{}...);
  }

  std::vector<Operation> waiting_;
  std::uint64_t last_id_ = 0;
};

}  // namespace ice::io::detail
