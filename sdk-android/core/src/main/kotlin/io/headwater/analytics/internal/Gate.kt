package io.headwater.analytics.internal

import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executor

/**
 * Keeps calls in order while the storage is being opened on another thread: they wait here, then are made there, one by one,
 * and only when none is left do calls go straight. Without an opener it is open from the start.
 */
internal class Gate(private val opener: Executor?) {
    /** Whether calls go straight. */
    @Volatile
    var isOpen: Boolean = opener == null
        private set

    @Volatile
    private var thread: Thread? = null
    private val early = ArrayDeque<() -> Unit>()
    private val opened = CountDownLatch(1)

    /** Makes a call in its turn. */
    inline fun pass(crossinline act: () -> Unit) {
        if (isOpen || !waits { act() }) act()
    }

    /** Whether the call was taken in, to be made later. */
    fun waits(act: () -> Unit): Boolean = synchronized(early) {
        // The opener's own calls are part of what it does.
        if (isOpen || Thread.currentThread() === thread) false else early.add(act)
    }

    /** Waits until all calls before this one are made; the opener's thread does not wait for itself. */
    fun await() {
        if (isOpen || Thread.currentThread() === thread) return
        var interrupted = false
        while (true) {
            try {
                opened.await()
                break
            } catch (_: InterruptedException) {
                interrupted = true
            }
        }
        if (interrupted) Thread.currentThread().interrupt()
    }

    /** Runs this, then what has come meanwhile: here, or on the opener's thread. */
    fun open(first: () -> Unit, failed: (Throwable) -> Unit) {
        if (opener == null) return first()
        opener.execute {
            thread = Thread.currentThread()
            try {
                first()
                while (true) attempt(next() ?: break, failed)
            } finally {
                isOpen = true
                thread = null
                opened.countDown()
            }
        }
    }

    /** The last one opens the gate, under the lock that a call needs to get in. */
    private fun next(): (() -> Unit)? = synchronized(early) {
        early.removeFirstOrNull().also { if (it == null) isOpen = true }
    }

    private fun attempt(act: () -> Unit, failed: (Throwable) -> Unit) {
        try {
            act()
        } catch (error: Throwable) {
            failed(error)
        }
    }
}
