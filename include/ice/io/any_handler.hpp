#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/system/error_code.hpp>
#include <memory>
#include <utility>

namespace ice::io::detail {

/// A completion handler of any type that waits for its operation to end; its executor has work until then. What is
/// needed of Asio's any_completion_handler, which in Boost 1.81 puts executors into executors on the heap for each
/// operation, and whose move assignment there calls itself without end.
template <class... Results>
class AnyHandler {
 public:
  /// `fallback` is where a handler runs that has no executor of its own.
  template <class Handler>
  AnyHandler(Handler handler, const boost::asio::any_io_executor& fallback)
      : held_{HolderOf<Handler>::make(std::move(handler), fallback)} {}
  AnyHandler(AnyHandler&& other) noexcept : held_{std::exchange(other.held_, nullptr)} {}
  AnyHandler& operator=(AnyHandler&& other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  /// Destroys a handler that was not called.
  ~AnyHandler() {
    if (held_ != nullptr) held_->destroy();
  }

  /// False once it was called.
  explicit operator bool() const noexcept { return held_ != nullptr; }

  boost::asio::cancellation_slot cancellation_slot() const noexcept { return held_->slot; }

  /// Calls the handler later, never from here. Once.
  void complete(boost::system::error_code error, Results... results) {
    std::exchange(held_, nullptr)->complete(error, std::move(results)...);
  }

 private:
  struct Holder {
    explicit Holder(boost::asio::cancellation_slot of_handler) : slot{of_handler} {}
    virtual void complete(boost::system::error_code error, Results... results) = 0;
    virtual void destroy() noexcept = 0;
    boost::asio::cancellation_slot slot;

   protected:
    ~Holder() = default;
  };

  template <class Handler>
  class HolderOf final : public Holder {
    using Executor = boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>;
    // By default the memory of one operation serves the next one, as in Asio's own operations.
    using Recycling = boost::asio::recycling_allocator<void>;
    using Allocator = typename std::allocator_traits<
        boost::asio::associated_allocator_t<Handler, Recycling>>::template rebind_alloc<HolderOf>;
    using Traits = std::allocator_traits<Allocator>;

   public:
    HolderOf(Handler&& handler, const boost::asio::any_io_executor& fallback)
        : Holder{boost::asio::get_associated_cancellation_slot(handler)},
          work_{boost::asio::get_associated_executor(handler, fallback)},
          handler_{std::move(handler)} {}

    static Holder* make(Handler&& handler, const boost::asio::any_io_executor& fallback) {
      Allocator allocator = allocator_of(handler);
      HolderOf* const place = Traits::allocate(allocator, 1);
      try {
        return ::new (static_cast<void*>(place)) HolderOf{std::move(handler), fallback};
      } catch (...) {
        Traits::deallocate(allocator, place, 1);
        throw;
      }
    }

    void complete(boost::system::error_code error, Results... results) override {
      // The memory is given back before the handler is on its way, so that its next operation finds it.
      auto work = std::move(work_);
      Handler handler{std::move(handler_)};
      destroy_with(allocator_of(handler));
      boost::asio::post(work.get_executor(),
                        [handler = std::move(handler), error, ... results = std::move(results)]() mutable {
                          std::move(handler)(error, std::move(results)...);
                        });
    }

    void destroy() noexcept override { destroy_with(allocator_of(handler_)); }

   private:
    static Allocator allocator_of(const Handler& handler) noexcept {
      return Allocator{boost::asio::get_associated_allocator(handler, Recycling{})};
    }
    void destroy_with(Allocator allocator) noexcept {
      this->~HolderOf();
      Traits::deallocate(allocator, this, 1);
    }

    boost::asio::executor_work_guard<Executor> work_;
    Handler handler_;
  };

  Holder* held_;
};

}  // namespace ice::io::detail
