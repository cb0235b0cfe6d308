#include "ice/past_generations.hpp"

#include <algorithm>
#include <utility>

#include "base/earliest.hpp"

namespace ice {

void PastGenerations::add(TimePoint now, std::unique_ptr<Generation> generation, GenerationEnd why, AgentState state,
                          Cause cause) {
  Past past;
  past.report.local_ufrag = generation->session.local_ufrag;
  past.report.remote_ufrag = generation->session.remote_ufrag;
  past.report.why = why;
  past.report.at = now;
  past.report.state = state;
  past.report.cause = cause;
  generation->revoked = state == AgentState::failed || state == AgentState::disconnected;
  generation->retire();
  // A pair that was selected is worth more than one that was only valid.
  const bool usable = !generation->revoked && generation->data_pair(now);
  const bool better = usable && (generation->selected || carrier(now) == nullptr);
  if (better)
    for (Past& other : all_)
      if (other.carries) stop_carrying(now, other);
  past.carries = better;
  if (!better) generation->consent.stop();
  if (!better || !generation->selected) past.until = now + linger;
  past.generation = std::move(generation);
  all_.push_back(std::move(past));
  keep_bounds();
}

void PastGenerations::stop_carrying(TimePoint now, Past& past) noexcept {
  past.carries = false;
  past.generation->consent.stop();
  past.until = now + linger;
}

void PastGenerations::bury(Past& past) {
  past.report.servers = past.generation->gatherer.report();
  past.report.pairs = past.generation->pair_reports();
  past.carries = false;
  past.generation.reset();
}

void PastGenerations::keep_bounds() {
  auto alive = std::count_if(all_.begin(), all_.end(), [](const Past& past) { return past.generation != nullptr; });
  for (Past& past : all_)
    if (past.generation && !past.carries && static_cast<std::size_t>(alive) > most_alive) {
      bury(past);
      --alive;
    }
  // The one that carries data may be the oldest, and is no evidence yet.
  while (all_.size() > most_reported)
    all_.erase(std::find_if(all_.begin(), all_.end(), [](const Past& past) { return !past.carries; }));
}

void PastGenerations::supersede(TimePoint now) {
  for (Past& past : all_)
    if (past.carries) stop_carrying(now, past);
}

Generation* PastGenerations::carrier(TimePoint now) const noexcept {
  for (const Past& past : all_)
    if (past.carries && past.generation->data_pair(now)) return past.generation.get();
  return nullptr;
}

std::unique_ptr<Generation> PastGenerations::take_back(TimePoint now) {
  const Generation* wanted = carrier(now);
  if (wanted == nullptr || !wanted->selected) return nullptr;
  const auto found =
      std::find_if(all_.begin(), all_.end(), [&](const Past& past) { return past.generation.get() == wanted; });
  std::unique_ptr<Generation> taken = std::move(found->generation);
  all_.erase(found);
  return taken;
}

Generation* PastGenerations::find(std::string_view local_ufrag) const noexcept {
  for (const Past& past : all_)
    if (past.generation && past.report.local_ufrag == local_ufrag) return past.generation.get();
  return nullptr;
}

bool PastGenerations::knows_local(std::string_view ufrag) const noexcept {
  return std::any_of(all_.begin(), all_.end(), [&](const Past& past) { return past.report.local_ufrag == ufrag; });
}

bool PastGenerations::knows_remote(std::string_view ufrag) const noexcept {
  return std::any_of(all_.begin(), all_.end(), [&](const Past& past) {
    return !past.report.remote_ufrag.empty() && past.report.remote_ufrag == ufrag;
  });
}

bool PastGenerations::knows_remote_password(std::string_view password) const noexcept {
  return std::any_of(all_.begin(), all_.end(), [&](const Past& past) {
    return past.generation && past.generation->session.remote_password == password;
  });
}

bool PastGenerations::uses(SocketId socket) const noexcept {
  return std::any_of(all_.begin(), all_.end(), [&](const Past& past) {
    if (!past.generation) return false;
    const auto base = past.generation->local.base_of(socket);
    return base && past.generation->local.bases()[*base].paired;
  });
}

bool PastGenerations::has_proven(SocketId socket, const Endpoint& from) const noexcept {
  return std::any_of(all_.begin(), all_.end(), [&](const Past& past) {
    return past.generation && !past.generation->revoked && past.generation->proven.contains(socket, from);
  });
}

void PastGenerations::add_socket(TimePoint now, const Socket& socket) {
  // For packets that are on their way to it only, in case it becomes the present one again: no candidate comes of it.
  for (const Past& past : all_)
    if (past.generation) static_cast<void>(past.generation->local.add_base(now, socket).has_value());
}

std::optional<SocketId> PastGenerations::carrying_socket(TimePoint now) const noexcept {
  const Generation* through = carrier(now);
  if (through == nullptr) return std::nullopt;
  return through->checklist.base_of(through->checklist[*through->data_pair(now)]).socket;
}

void PastGenerations::remove_socket(TimePoint now, SocketId socket, std::error_code why, Cause cause) {
  for (Past& past : all_) {
    if (!past.generation) continue;
    Generation& generation = *past.generation;
    const auto base = generation.local.base_of(socket);
    if (!base) continue;
    generation.remove_base(now, *base, why, cause);
    if (past.carries && !generation.data_pair(now)) stop_carrying(now, past);
  }
}

bool PastGenerations::handle_response(TimePoint now, const stun::Message& response, const Datagram& datagram,
                                      bool& authentic) {
  for (Past& past : all_) {
    if (!past.generation) continue;
    Generation& generation = *past.generation;
    const Consent::Answer answer = generation.consent.handle_response(now, response, datagram);
    if (answer != Consent::Answer::not_ours) {
      authentic = answer != Consent::Answer::unauthenticated;
      if (answer == Consent::Answer::revoked) {
        generation.note(now, "ice-consent-revoked", generation.checklist[*generation.selected]);
        stop_carrying(now, past);
      }
      return true;
    }
    // What a check would have brought to light no longer matters.
    if (const auto late = generation.checks.handle_response(now, response, datagram)) {
      authentic = late->kind != Checks::Answer::Kind::unauthenticated;
      return true;
    }
  }
  return false;
}

void PastGenerations::handle_unreachable(const SocketUnreachable& event) noexcept {
  for (const Past& past : all_)
    if (past.generation) past.generation->handle_unreachable(event);
}

void PastGenerations::handle_timeout(TimePoint now) {
  for (Past& past : all_) {
    if (!past.generation) continue;
    Generation& generation = *past.generation;
    while (generation.checks.expire(now)) {
    }
    if (!generation.consent.handle_timeout(now)) {
      generation.note(now, "ice-consent-expired", generation.checklist[*generation.selected]);
      stop_carrying(now, past);
    }
    if (past.carries) generation.keepalive.handle_timeout(now, generation.data_pair(now));
    if (past.until && now >= *past.until) bury(past);
  }
}

std::optional<Transmit> PastGenerations::poll_transmit(TimePoint now, MutableBytes scratch) {
  for (const Past& past : all_) {
    if (!past.carries) continue;
    if (auto out = past.generation->consent.poll_transmit(now, scratch)) return out;
    if (auto out = past.generation->keepalive.poll_transmit(now, scratch)) return out;
  }
  return std::nullopt;
}

std::optional<TimePoint> PastGenerations::next_timeout() const noexcept {
  std::optional<TimePoint> next;
  for (const Past& past : all_) {
    if (!past.generation) continue;
    earliest(next, past.until);
    earliest(next, past.generation->checks.next_timeout());
    earliest(next, past.generation->consent.next_timeout());
    if (past.carries) earliest(next, past.generation->keepalive.next_timeout());
  }
  return next;
}

void PastGenerations::end() noexcept {
  for (Past& past : all_) {
    if (!past.generation) continue;
    past.generation->revoked = true;
    past.generation->consent.stop();
    past.carries = false;
  }
}

std::vector<GenerationReport> PastGenerations::report() const {
  std::vector<GenerationReport> all;
  for (const Past& past : all_) {
    all.push_back(past.report);
    if (!past.generation) continue;
    all.back().servers = past.generation->gatherer.report();
    all.back().pairs = past.generation->pair_reports();
    all.back().carries_data = past.carries;
  }
  return all;
}

}  // namespace ice
