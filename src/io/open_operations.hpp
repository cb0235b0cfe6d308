#pragma once

#include <memory>
#include <utility>
#include <vector>

namespace ice::io::detail {

/// An operation that what it waits for keeps alive, and that ends early when told to.
class Cancellable {
 public:
  /// Completes it with operation_aborted, unless it is complete.
  virtual void cancel() = 0;

 protected:
  ~Cancellable() = default;
};

/// The operations that somebody has begun and must end before he goes.
class OpenOperations {
 public:
  void add(std::weak_ptr<Cancellable> operation) {
    std::erase_if(operations_, [](const auto& one) { return one.expired(); });
    operations_.push_back(std::move(operation));
  }

  void cancel_all() {
    for (const auto& one : std::exchange(operations_, {})) {
      if (const auto operation = one.lock()) operation->cancel();
    }
  }

 private:
  std::vector<std::weak_ptr<Cancellable>> operations_;
};

}  // namespace ice::io::detail
