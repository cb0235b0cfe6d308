#pragma once

namespace ice::programs {

/// What a program does before anything else, so that no surroundings make it misbehave:
///
/// - Descriptors 0 to 2 that are closed become /dev/null. Otherwise the first sockets would get their numbers, and what
///   is printed would go there.
/// - A pipe that nobody reads is an error of the write, and no sudden death: see Output.
/// - As many descriptors as the system allows: a mesh takes a socket for each peer and address, and 1024, which is the
///   usual limit, is soon used up.
void prepare_process() noexcept;

}  // namespace ice::programs
