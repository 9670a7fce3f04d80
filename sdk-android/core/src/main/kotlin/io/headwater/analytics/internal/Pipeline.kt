package io.headwater.analytics.internal

import io.headwater.analytics.Analytics
import io.headwater.analytics.AnalyticsException
import io.headwater.analytics.BaseEvent
import io.headwater.analytics.EnrichmentClosure
import io.headwater.analytics.Plugin
import io.headwater.analytics.Timeline
import io.headwater.analytics.fullName
import uniffi.headwater.Tried
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
 *              └─ (a plugin waits: on the disk until) ─┼ dropped ─► report
 *                                                      └ a required plugin failed ─► kept back by the engine, which asks again
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
                if (analytics.policies.all.isNotEmpty()) queued(parse(call)?.let(BaseEvent::fromJson), analytics)
                return
            }
            lock.write {
                if (depth >= DEEPEST) {
                    throw AnalyticsException(AnalyticsException.Reason.Recursion, "a plugin's call leads to itself")
                }
                next += Item(client.stamp(call), enrichments, depth + 1)
                work(analytics)
            }
        } catch (error: Throwable) {
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
                    journal.append(item.event, analytics.timeline.guards)
                }
            }
        } finally {
            running = false
            depth = 0
        }
    }

    private fun run(item: Item, analytics: Analytics) {
        val client = analytics.hub.client ?: return
        try {
            when (val seen = passed(item, analytics)) {
                is Tried.Passed -> {
                    client.submit(seen.event)
                    after(seen.event, analytics)
                }
                is Tried.Dropped -> client.discard(item.event, seen.plugin)
                is Tried.Failed -> client.hold(item.event, seen.plugin, seen.detail, analytics.timeline.guards)
            }
        } catch (error: Throwable) {
            analytics.fail(error)
        }
    }

    /** What all plugins, from the first on, and the call's own closures make of an event. */
    private fun passed(item: Item, analytics: Analytics): Tried {
        val failed = analytics::pluginFailed
        val event = parse(item.event)?.let(BaseEvent::fromJson) ?: return Tried.Dropped("an event that cannot be read")
        var current = when (val outcome = analytics.timeline.run(event, failed)) {
            is Timeline.Outcome.Passed -> outcome.event
            is Timeline.Outcome.Dropped -> return Tried.Dropped(name(outcome.by))
            is Timeline.Outcome.Failed -> return Tried.Failed(outcome.plugin.fullName, outcome.error.javaClass.name)
        }
        for (enrichment in item.enrichments) {
            current = try {
                enrichment.enrich(current) ?: return Tried.Dropped("the call's enrichment")
            } catch (error: Throwable) {
                failed(error)
                current
            }
        }
        return Tried.Passed(json(current.toJson()))
    }

    private fun after(text: String, analytics: Analytics) {
        val event = parse(text)?.let(BaseEvent::fromJson) ?: return
        analytics.timeline.run(Plugin.Type.After, event, analytics::pluginFailed)
        queued(event, analytics)
    }

    /** The engine asks again: an event that a required plugin kept back. */
    fun tryAgain(event: String, guards: List<String>, analytics: Analytics): Tried = lock.write {
        val here = analytics.timeline.all.map { it.fullName }
        guards.firstOrNull { it !in here }?.let { return Tried.Failed(it, "it is not there") }
        waitingFor.firstOrNull()?.let { return Tried.Failed(it.fullName, "it is not ready") }
        // Calls that plugins make now come right after it.
        running = true
        depth = 1
        try {
            passed(Item(event, emptyList(), 1), analytics).also { if (it is Tried.Passed) after(it.event, analytics) }
        } finally {
            running = false
            depth = 0
            work(analytics)
        }
    }

    private fun name(plugin: Plugin): String = plugin.javaClass.simpleName.ifEmpty { "a plugin" }

    private fun queued(event: BaseEvent?, analytics: Analytics) {
        if (event == null) return
        var due = false
        for (policy in analytics.policies.all) {
            try {
                policy.updateState(event)
                due = policy.shouldFlush() || due
            } catch (error: Throwable) {
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
                } catch (error: Throwable) {
                    analytics.fail(error)
                }
            }
            held.clear()
            journal.clear()
        }
    }

    /**
     * Events that an earlier run held back for a waiting plugin when it ended. The app adds its plugins after this: those that the
     * event must pass it waits for, as one that such a plugin kept back.
     */
    fun recover(analytics: Analytics) {
        val client = analytics.hub.client ?: return
        val events = journal.read()
        if (events.isEmpty()) return
        lock.write {
            for ((event, guards) in events) {
                val guard = guards.firstOrNull()
                if (guard == null) {
                    next += Item(event, emptyList(), 1)
                    continue
                }
                try {
                    client.hold(event, guard, "the app ended while a plugin was waited for", guards)
                } catch (error: Throwable) {
                    analytics.fail(error)
                }
            }
            work(analytics)
            if (held.isEmpty()) journal.clear()
        }
    }

    private companion object {
        /** Calls that a plugin's calls led to, at most: one that answers each event with another would never end. */
        const val DEEPEST = 8

        /** Seconds that a waiting plugin can hold events back. */
        const val LONGEST_WAIT = 30L

        /** For the waits alone; without a thread when nothing waits. */
        val timer = ScheduledThreadPoolExecutor(1, threads("headwater-timer")).apply {
            setKeepAliveTime(1, TimeUnit.SECONDS)
            allowCoreThreadTimeOut(true)
        }
    }
}
