// Tells ThreadSanitizer what Swift's mutex does in its slow path, whose library is not instrumented.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define SWIFTCALL __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

void __tsan_acquire(void *address) __attribute__((weak));
void __tsan_release(void *address) __attribute__((weak));

SWIFTCALL void lock_slow(uint32_t thread, SELF mutex) __asm__(LOCK);
SWIFTCALL void unlock_slow(SELF mutex) __asm__(UNLOCK);

SWIFTCALL void lock_slow(uint32_t thread, SELF mutex) {
    SWIFTCALL void (*next)(uint32_t, SELF) = dlsym(RTLD_NEXT, LOCK);
    next(thread, mutex);
    if (__tsan_acquire)
        __tsan_acquire(mutex);
}

SWIFTCALL void unlock_slow(SELF mutex) {
    SWIFTCALL void (*next)(SELF) = dlsym(RTLD_NEXT, UNLOCK);
    if (__tsan_release)
        __tsan_release(mutex);
    next(mutex);
}
