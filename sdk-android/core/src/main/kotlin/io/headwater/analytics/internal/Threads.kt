package io.headwater.analytics.internal

import java.util.concurrent.Executor
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.ThreadFactory
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit

/** Threads of this name; they keep no process alive. */
internal fun threads(name: String): ThreadFactory = ThreadFactory { work ->
    Thread(work, name).apply { isDaemon = true }
}

/** So many threads at most, which end when there is nothing to do. */
internal fun pool(name: String, size: Int): Executor =
    ThreadPoolExecutor(size, size, 10, TimeUnit.SECONDS, LinkedBlockingQueue(), threads(name))
        .apply { allowCoreThreadTimeOut(true) }

/** Where callbacks run that name no executor: one after the other. */
internal val callbackThread: Executor by lazy { pool("headwater-callbacks", 1) }
