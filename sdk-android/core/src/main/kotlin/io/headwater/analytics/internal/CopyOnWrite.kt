package io.headwater.analytics.internal

/**
 * A list that is read far more often than changed: whoever reads has one state of it, whatever others do meanwhile, and a change
 * is one step. (`removeAll { }` on a `CopyOnWriteArrayList` is Kotlin's own, by index, and is not; `removeIf` is Android 7's.)
 */
internal class CopyOnWrite<T> {
    @Volatile
    var all: List<T> = emptyList()
        private set

    fun add(item: T) {
        synchronized(this) { all = all + item }
    }

    /** Takes out what `which` says, and answers that. */
    fun remove(which: (T) -> Boolean): List<T> = synchronized(this) {
        val (gone, left) = all.partition(which)
        if (gone.isNotEmpty()) all = left
        gone
    }
}
