// Stacks that can be left and taken up again: every CUDA thread that waits for others is one.
#pragma once

#include <stddef.h>
#include <vector>

namespace emulation {

struct Fiber {
    void *stack_pointer = nullptr;
    char *stack = nullptr;      ///< lowest usable byte; NULL for the one that runs the others
    void *fake_stack = nullptr; ///< AddressSanitizer's
};

/// Leaves `from`, which is taken up again by a later switch to it, and takes up `to`.
void switch_fiber(Fiber &from, Fiber &to);
/// The same for a fiber that is never taken up again.
void leave_fiber(Fiber &from, Fiber &to);

/// The stacks of one CPU thread. They are kept from launch to launch.
class Stacks {
  public:
    static constexpr size_t bytes = 256 << 10;

    ~Stacks();
    /// A fiber that begins with `entry`, which must not return. Its stack must be given back.
    Fiber start(void (*entry)());
    void give_back(Fiber &fiber);
    /// Every stack is free again, also those of fibers that were abandoned.
    void reset();
    /// Whether the address lies in the guard below some stack.
    bool is_overflow(const void *address) const;

  private:
    std::vector<char *> all, unused;
};

/// To be called first thing on a new fiber.
void arrive_on_new_fiber();

} // namespace emulation
