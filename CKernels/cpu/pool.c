// The threads that share a caller's work, and their scratch memory.
#include "kernels.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { spin_rounds = 2000, most_threads = 1024 };

struct worker {
    ck_pool *pool;
    pthread_t thread;
    int index;
};

struct scratch {
    void *memory;
    size_t bytes;
};

struct ck_pool {
    int threads;
    ck_isa isa;
    bool rests;
    struct worker *workers;  // the caller is thread 0 and has no worker
    struct scratch *scratch; // the shared one, then one a thread

    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    // Written under the lock.
    atomic_uint generation;
    bool open, stopping;
    int active;
    ck_body body;
    void *context;
    ptrdiff_t count;

    _Alignas(64) atomic_ptrdiff_t next;
};

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void run(ck_pool *pool, int thread) {
    for (;;) {
        ptrdiff_t index = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (index >= pool->count)
            return;
        pool->body(pool->context, index, thread);
    }
}

static void *work(void *argument) {
    struct worker *worker = argument;
    ck_pool *pool = worker->pool;
    unsigned seen = 0;
    for (;;) {
        for (int i = 0; i < spin_rounds && atomic_load_explicit(&pool->generation, memory_order_relaxed) == seen; i++)
            relax();
        pthread_mutex_lock(&pool->lock);
        while (atomic_load(&pool->generation) == seen && !pool->stopping)
            pthread_cond_wait(&pool->work, &pool->lock);
        seen = atomic_load(&pool->generation);
        bool stopping = pool->stopping, joins = pool->open;
        pool->active += joins;
        pthread_mutex_unlock(&pool->lock);
        if (stopping)
            return NULL;
        if (!joins)
            continue;
        run(pool, worker->index);
        pthread_mutex_lock(&pool->lock);
        if (--pool->active == 0)
            pthread_cond_signal(&pool->idle);
        pthread_mutex_unlock(&pool->lock);
    }
}

ck_pool *ck_pool_create(int threads, ck_isa level) {
    if (threads < 1 || threads > most_threads)
        return NULL;
    ck_pool *pool = aligned_alloc(64, (sizeof(ck_pool) + 63) / 64 * 64);
    if (!pool)
        return NULL;
    memset(pool, 0, sizeof *pool);
    pool->isa = level < ck_isa_best() ? level : ck_isa_best();
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->idle, NULL);
    pool->workers = calloc((size_t)threads, sizeof(struct worker));
    pool->scratch = calloc((size_t)threads + 1, sizeof(struct scratch));
    pool->threads = 1;
    bool complete = pool->workers && pool->scratch;
    for (; complete && pool->threads < threads; pool->threads += complete) {
        struct worker *worker = &pool->workers[pool->threads];
        *worker = (struct worker){.pool = pool, .index = pool->threads};
        complete = pthread_create(&worker->thread, NULL, work, worker) == 0;
    }
    if (complete)
        return pool;
    ck_pool_destroy(pool);
    return NULL;
}

void ck_pool_destroy(ck_pool *pool) {
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i < pool->threads; i++)
        pthread_join(pool->workers[i].thread, NULL);
    for (int i = 0; pool->scratch && i <= pool->threads; i++)
        free(pool->scratch[i].memory);
    pthread_cond_destroy(&pool->idle);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool->scratch);
    free(pool->workers);
    free(pool);
}

int ck_pool_threads(const ck_pool *pool) { return pool->threads; }

ck_isa ck_pool_isa(const ck_pool *pool) { return pool->isa; }

void ck_pool_rest(ck_pool *pool) { pool->rests = true; }

void ck_parallel_for(ck_pool *pool, ptrdiff_t count, ck_body body, void *context) {
    if (pool->rests)
        return;
    if (count <= 1 || pool->threads == 1) {
        for (ptrdiff_t i = 0; i < count; i++)
            body(context, i, 0);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->body = body;
    pool->context = context;
    pool->count = count;
    pool->open = true;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_fetch_add(&pool->generation, 1);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    run(pool, 0);
    // A worker that has not joined by now need not: all pieces are taken.
    pthread_mutex_lock(&pool->lock);
    pool->open = false;
    while (pool->active > 0)
        pthread_cond_wait(&pool->idle, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static void *reserve(struct scratch *scratch, size_t bytes) {
    enum { page = 4096, huge_page = 1 << 21 };
    if (scratch->bytes >= bytes)
        return scratch->memory;
    if (bytes > SIZE_MAX / 2)
        return NULL;
    size_t alignment = bytes >= huge_page ? huge_page : page;
    bytes = (bytes + alignment - 1) / alignment * alignment;
    free(scratch->memory);
    scratch->memory = aligned_alloc(alignment, bytes);
    scratch->bytes = scratch->memory ? bytes : 0;
#if defined(MADV_HUGEPAGE)
    if (scratch->memory && alignment == huge_page)
        madvise(scratch->memory, bytes, MADV_HUGEPAGE);
#endif
    return scratch->memory;
}

void *ck_scratch(ck_pool *pool, int thread, size_t bytes) { return reserve(&pool->scratch[thread + 1], bytes); }

void *ck_shared_scratch(ck_pool *pool, size_t bytes) { return reserve(&pool->scratch[0], bytes); }
