#include "ice/io/server_resolver.hpp"

#include <boost/asio/error.hpp>

#include "base/hidden.hpp"
#include "ice/io/clock.hpp"
#include "ice/io/error.hpp"
#include "io/dns.hpp"
#include "io/operations.hpp"

namespace ice::io {

/// One search. The questions that it has asked, and its timer, keep it alive: it dies with the loop.
class ICE_HIDDEN ServerResolver::Search final : public detail::Cancellable,
                                                public std::enable_shared_from_this<Search> {
 public:
  Search(Context context, stun::Uri uri, const std::vector<Transport>& supported, Handler handler)
      : context_{std::move(context)},
        lookup_{std::move(uri), supported, context_.state()->random, context_.state()->dns_settings.service_patience},
        handler_{std::move(handler)},
        timer_{context_.get_executor()} {}

  /// After everything that the lookup was told.
  void advance() {
    if (!handler_) return;
    while (const auto question = lookup_.poll_question()) {
      const auto asked = ask(*question);
      if (!asked) lookup_.fail(now(), *question, asked.error());
    }
    if (lookup_.done()) return finish(to_boost(lookup_.error()), lookup_.servers());
    arm_timer();
  }

  void cancel() override {
    if (handler_) finish(boost::asio::error::operation_aborted, {});
  }

  const Handler& handler() const noexcept { return handler_; }

 private:
  result<void> ask(const stun::DnsQuestion& question) {
    if (!detail::may_be_name(question.name)) return fail(errc::name_not_resolved);
    const auto dns = detail::Dns::of(*context_.state());
    if (!dns) return fail(dns.error());
    switch (question.type) {
      case stun::DnsType::address:
        ask<Address>(**dns, question);
        break;
      case stun::DnsType::srv:
        ask<stun::SrvRecord>(**dns, question);
        break;
      case stun::DnsType::naptr:
        ask<stun::NaptrRecord>(**dns, question);
        break;
    }
    return {};
  }

  template <class Record>
  void ask(detail::Dns& dns, const stun::DnsQuestion& question) {
    const auto answered = [self = shared_from_this(), question](const boost::system::error_code& error,
                                                                std::vector<Record> records) {
      if (error) {
        self->lookup_.fail(now(), question, error);
      } else {
        self->lookup_.answer(now(), question.name, std::move(records));
      }
      self->advance();
    };
    queries_.add(dns.ask<Record>(question.name, {answered, context_.get_executor()}));
  }

  void arm_timer() {
    const auto deadline = lookup_.next_timeout();
    if (!deadline) {
      timer_.cancel();
      return;
    }
    timer_.expires_at(to_steady(*deadline));
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error) return;
      self->lookup_.handle_timeout(now());
      self->advance();
    });
  }

  void finish(boost::system::error_code error, std::vector<stun::ServerAddress> servers) {
    handler_.complete(error, std::move(servers));
    timer_.cancel();
    queries_.cancel_all();  // of those that are left nobody needs the answers
  }

  Context context_;
  stun::ServerLookup lookup_;
  Handler handler_;
  detail::Timer timer_;
  detail::OpenOperations queries_;
};

struct ICE_HIDDEN ServerResolver::Core {
  Context context;
  detail::OpenOperations searches{};
  bool stopped = false;

  void stop() {
    stopped = true;
    searches.cancel_all();
  }
};

ServerResolver::ServerResolver(Context context) : core_{std::make_shared<Core>(Core{std::move(context)})} {}

ServerResolver::~ServerResolver() {
  if (core_) core_->stop();
}

ServerResolver::ServerResolver(ServerResolver&&) noexcept = default;

ServerResolver& ServerResolver::operator=(ServerResolver&& other) noexcept {
  if (this != &other) {
    if (core_) core_->stop();
    core_ = std::move(other.core_);
  }
  return *this;
}

Context::executor_type ServerResolver::get_executor() const noexcept { return core_->context.get_executor(); }

void ServerResolver::start(const std::shared_ptr<Core>& core, stun::Uri uri, const std::vector<Transport>& supported,
                           Handler handler) {
  if (core->stopped) return handler.complete(boost::asio::error::operation_aborted, {});
  const auto search = std::make_shared<Search>(core->context, std::move(uri), supported, std::move(handler));
  search->advance();
  if (!search->handler()) return;
  detail::on_cancel(search->handler(), core->context.get_executor(), [weak = std::weak_ptr{search}] {
    if (const auto cancelled = weak.lock()) cancelled->cancel();
  });
  core->searches.add(search);
}

}  // namespace ice::io
