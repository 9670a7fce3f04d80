package io.headwater.analytics.internal

import io.headwater.analytics.Analytics
import io.headwater.analytics.AnalyticsException
import io.headwater.analytics.BaseEvent
import io.headwater.analytics.EnrichmentClosure
import io.headwater.analytics.Plugin
import java.io.File
import java.util.concurrent.ScheduledThreadPoolExecutor
import java.util.concurrent.TimeUnit
import java.util.concurrent.locks.ReentrantReadWriteLock
import kotlin.concurrent.read
import kotlin.concurrent.write

/**
 * The way of a call: straight into the queue where no plugin looks, else in two halves with the plugins in between.
 *
 * ```text
 *  call ─┬─ no plugins ─────────────────────────────────────────► queue
 *        └─ stamp ─► before ─► enrichment ─► closures ─┬─────────► queue ─► after
 *              └─ (a plugin waits: on the disk until) ─┘ dropped ─► report
 * ```
 * Invariant: one event at a time is between its halves, and none goes straight meanwhile, so the order of the queue is that
 * of each thread's calls. Straight calls go side by side (the read lock), so that their syncs can be one.
 */
internal class Pipeline(folder: File?, disk: Disk) {
    private class Item(val event: String, val enrichments: List<EnrichmentClosure>, val depth: Int)

    private val lock = ReentrantReadWriteLock()
    private var running = false
    private var depth = 0
    private val next = ArrayDeque<Item>()
    private val held = ArrayDeque<Item>()
    private val waitingFor = mutableListOf<Plugin>()
    private val journal = Journal(folder, disk)

    /** Events that wait for a plugin. */
    val waiting: Int get() = lock.read { held.size }

    fun take(call: String, enrichments: List<EnrichmentClosure>, analytics: Analytics) {
        val client = analytics.hub.client ?: return
        try {
            val straight = enrichments.isEmpty() && lock.read {
                val plain = !running && waitingFor.isEmpty() && !analytics.timeline.seesEvents
                if (plain) analytics.hub.straight?.call(call)
                plain
            }
            if (straight) {
                if (analytics.policies.isNotEmpty()) queued(parse(call)?.let(BaseEvent::fromJson), analytics)
                return
            }
            lock.write {
                if (depth >= DEEPEST) {
                    throw AnalyticsException(AnalyticsException.Reason.Recursion, "a plugin's call leads to itself")
                }
                next += Item(client.stamp(call), enrichments, depth + 1)
                work(analytics)
            }
        } catch (error: Exception) {
            analytics.fail(error)
        }
    }

    private fun work(analytics: Analytics) {
        if (running) return
        running = true
        try {
            while (true) {
                val item = next.removeFirstOrNull() ?: return
                if (waitingFor.isEmpty()) {
                    depth = item.depth
                    run(item, analytics)
                    depth = 0
                } else {
                    held += item
                    journal.append(item.event)
                }
            }
        } finally {
            running = false
            depth = 0
        }
    }

    private fun run(item: Item, analytics: Analytics) {
        val client = analytics.hub.client ?: return
        val failed = analytics::pluginFailed
        try {
            var event = parse(item.event)?.let(BaseEvent::fromJson) ?: return
            for (type in ON_THE_WAY) {
                val outcome = analytics.timeline.run(type, event, failed)
                event = outcome.event ?: return client.discard(item.event, name(outcome.droppedBy))
            }
            for (enrichment in item.enrichments) {
                event = try {
                    enrichment.enrich(event) ?: return client.discard(item.event, "the call's enrichment")
                } catch (error: Exception) {
                    failed(error)
                    event
                }
            }
            client.submit(json(event.toJson()))
            analytics.timeline.run(Plugin.Type.After, event, failed)
            queued(event, analytics)
        } catch (error: Exception) {
            analytics.fail(error)
        }
    }

    private fun name(plugin: Plugin?): String = plugin?.javaClass?.simpleName?.ifEmpty { null } ?: "a plugin"

    private fun queued(event: BaseEvent?, analytics: Analytics) {
        if (event == null) return
        var due = false
        for (policy in analytics.policies) {
            try {
                policy.updateState(event)
                due = policy.shouldFlush() || due
            } catch (error: Exception) {
                analytics.pluginFailed(error)
            }
        }
        if (due) analytics.flush()
    }

    fun pause(plugin: Plugin, analytics: Analytics) {
        lock.write { waitingFor += plugin }
        timer.schedule({ resume(plugin, analytics) }, LONGEST_WAIT, TimeUnit.SECONDS)
    }

    fun resume(plugin: Plugin, analytics: Analytics) {
        lock.write {
            if (!waitingFor.removeAll { it === plugin } || waitingFor.isNotEmpty()) return
            next.addAll(0, held)
            held.clear()
            work(analytics)
            if (held.isEmpty()) journal.clear()
        }
    }

    /** Reports all that waits for a plugin as dropped. */
    fun purge(analytics: Analytics) {
        val client = analytics.hub.client ?: return
        lock.write {
            for (item in held) {
                try {
                    client.discard(item.event, "purgeStorage")
                } catch (error: Exception) {
                    analytics.fail(error)
                }
            }
            held.clear()
            journal.clear()
        }
    }

    /** Events that an earlier run held back when it ended. */
    fun recover(analytics: Analytics) {
        val events = journal.read()
        if (events.isEmpty()) return
        lock.write {
            val items = events.map { Item(it, emptyList(), 1) }
            if (waitingFor.isEmpty()) {
                next.addAll(0, items)
                work(analytics)
                journal.clear()
            } else {
                held.addAll(0, items)
            }
        }
    }

    private companion object {
        /** Calls that a plugin's calls led to, at most: one that answers each event with another would never end. */
        const val DEEPEST = 8

        /** Seconds that a waiting plugin can hold events back. */
        const val LONGEST_WAIT = 30L
        val ON_THE_WAY = listOf(Plugin.Type.Before, Plugin.Type.Enrichment)

        /** For the waits alone; without a thread when nothing waits. */
        val timer = ScheduledThreadPoolExecutor(1, threads("headwater-timer")).apply {
            setKeepAliveTime(1, TimeUnit.SECONDS)
            allowCoreThreadTimeOut(true)
        }
    }
}
