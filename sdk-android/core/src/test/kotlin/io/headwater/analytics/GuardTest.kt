package io.headwater.analytics

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.booleanOrNull
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executor
import kotlin.concurrent.thread

/** Plugins and handlers that throw: nothing of it leaves, and nothing leaves that a plugin guards. */
class GuardTest {
    /** Takes `email` out, and then does what the script says; nothing when that is over. */
    class Scrub(
        override val type: Plugin.Type,
        override val required: Boolean,
        vararg script: String,
    ) : EventPlugin {
        override lateinit var analytics: Analytics
        private val left = ConcurrentLinkedQueue(script.toList())

        override fun track(payload: TrackEvent): BaseEvent? {
            payload.properties = JsonObject(payload.properties - "email")
            return when (left.poll()) {
                "fails" -> throw NoClassDefFoundError("com/vendor/Sdk")
                "drops" -> null
                else -> payload
            }
        }
    }

    private val secret = mapOf("email" to "ada@example.com", "plan" to "pro")

    private fun leaks(recorder: Recorder) = "ada@" in recorder.events.toString()

    @Test
    fun `what a failure means is as in the vectors`() {
        for (row in vectors("engine/guards.json", "plugins")) {
            val type = Plugin.Type.valueOf(row["type"].text!!.replaceFirstChar(Char::uppercase))
            // What a plugin says that says nothing.
            val usual = object : Plugin {
                override val type = type
                override lateinit var analytics: Analytics
            }.required
            val required = (row["required"] as JsonPrimitive).booleanOrNull ?: usual
            val (analytics, recorder) = recorded()
            analytics.add(Scrub(type, required, "fails"))
            analytics.track("e", secret)
            assertEquals(if (row["failure"].text == "kept") 0 else 1, recorder.events.size, "$row")
            assertEquals(1, analytics.pendingEvents(), "$row")
        }
    }

    @Test
    fun `what becomes of an event that is tried again is as in the vectors`() {
        val lives = vectors("engine/guards.json", "lives").map { row ->
            val script = (row["tries"] as JsonArray).map { it.text!! }.toTypedArray()
            val reports = CopyOnWriteArrayList<DropReport>()
            val (analytics, recorder) = recorded { onReport { reports += it } }
            analytics.add(Scrub(Plugin.Type.Before, true, *script))
            analytics.track("e", secret)
            Triple(row, recorder, reports)
        }
        for ((row, recorder, reports) in lives) {
            until { recorder.events.size + reports.size == 1 }
            assertEquals(row["ends"].text, reports.firstOrNull()?.reason ?: "queued", "$row")
            assertFalse(leaks(recorder), "$row")
        }
    }

    @Test
    fun `later events overtake one that is kept back, and the plugin's error is told`() {
        val errors = CopyOnWriteArrayList<Throwable>()
        val (analytics, recorder) = recorded { onError { errors += it } }
        analytics.add(Scrub(Plugin.Type.Before, true, "fails"))
        analytics.track("first", secret)
        analytics.track("later")
        assertEquals(listOf("later"), recorder.names)
        assertEquals(2, analytics.pendingEvents())
        until { recorder.events.size == 2 }
        assertEquals(listOf("later", "first"), recorder.names)
        assertFalse(leaks(recorder))
        val error = errors.single() as AnalyticsException
        assertEquals(AnalyticsException.Reason.Plugin, error.reason)
        assertTrue(error.cause is NoClassDefFoundError)
    }

    @Test
    fun `what is kept back survives the process, and waits for its plugin`() {
        val folder = place()
        fun start() = Analytics(
            quiet {
                durability = Durability.Buffered
                storageDirectory = folder
            },
        ).apply { setOnline(false) }
        start().use { first ->
            first.add(Scrub(Plugin.Type.Before, true, "fails", "fails", "fails"))
            first.track("kept", secret)
            first.shutdown(0)
        }
        start().use { second ->
            val recorder = Recorder()
            second.add(recorder)
            assertEquals(1, second.pendingEvents())
            second.add(Scrub(Plugin.Type.Before, true))
            until { recorder.events.size == 1 }
            assertEquals(listOf("kept"), recorder.names)
            assertFalse(leaks(recorder))
        }
    }

    @Test
    fun `what an earlier run held for a waiting plugin does not go without the plugins that it must pass`() {
        class Waiting : WaitingPlugin {
            override val type = Plugin.Type.Utility
            override lateinit var analytics: Analytics
        }
        val folder = place()
        fun start() = Analytics(
            quiet {
                durability = Durability.Buffered
                storageDirectory = folder
            },
        ).apply { setOnline(false) }
        start().use { first ->
            first.add(Scrub(Plugin.Type.Before, true))
            first.add(Waiting())
            first.track("held", secret)
            first.shutdown(0)
        }
        start().use { second ->
            val recorder = Recorder()
            second.add(recorder)
            assertEquals(1, second.pendingEvents())
            second.add(Scrub(Plugin.Type.Before, true))
            until { recorder.events.size == 1 }
            assertFalse(leaks(recorder))
        }
    }

    @Test
    fun `a destination's own required plugin keeps the event from that destination only`() {
        val (analytics, recorder) = recorded()
        val (guarded, free) = listOf(PluginTest.Vendor("guarded"), PluginTest.Vendor("free"))
        guarded.add(Scrub(Plugin.Type.Before, true, "fails"))
        analytics.add(guarded)
        analytics.add(free)
        analytics.track("e", secret)
        until { free.got.size == 1 }
        assertEquals(1, recorder.events.size)
        until { guarded.got.size == 1 }
        assertFalse("ada@" in guarded.got.single().toJson().toString())
    }

    @Test
    fun `an error of the JVM's own that a plugin, closure, policy or serializer throws leaves no call`() {
        class Broken(override val type: Plugin.Type) : EventPlugin {
            override lateinit var analytics: Analytics

            override fun setup(analytics: Analytics) = TODO("setup")

            override fun execute(event: BaseEvent): BaseEvent = throw NoClassDefFoundError("com/vendor/Sdk")

            override fun flush() = TODO("flush")

            override fun reset() = TODO("reset")

            override fun shutdown() = TODO("shutdown")
        }

        class Policy : FlushPolicy {
            override fun schedule(analytics: Analytics) = TODO("schedule")

            override fun updateState(event: BaseEvent) = TODO("updateState")

            override fun unschedule() = TODO("unschedule")
        }
        val errors = CopyOnWriteArrayList<Throwable>()
        val (analytics, recorder) = recorded { onError { errors += it } }
        val broken = listOf(Plugin.Type.Enrichment, Plugin.Type.After, Plugin.Type.Utility).map(::Broken)
        broken.forEach(analytics::add)
        val policy = Policy()
        analytics.addFlushPolicy(policy)
        analytics.addEnrichment { throw NoClassDefFoundError("com/vendor/Sdk") }
        analytics.track("e") { throw StackOverflowError() }
        analytics.track("f", mapOf("a" to object {
            override fun toString(): String = throw AssertionError("toString")
        }))
        analytics.applyClosureToPlugins { throw NotImplementedError() }
        analytics.flush()
        analytics.reset()
        analytics.removeFlushPolicy(policy)
        broken.forEach(analytics::remove)
        assertEquals("e", recorder.names.first())
        assertTrue(analytics.pendingEvents() >= 1)
        assertTrue(errors.size > 10)
    }

    @Test
    fun `handlers that throw are told to onError and end no thread`() {
        val errors = CopyOnWriteArrayList<Throwable>()
        val uncaught = CopyOnWriteArrayList<Throwable>()
        val usual = Thread.getDefaultUncaughtExceptionHandler()
        Thread.setDefaultUncaughtExceptionHandler { _, error -> uncaught += error }
        try {
            val analytics = Analytics(
                quiet {
                    onError {
                        errors += it
                        throw AssertionError("the error handler itself")
                    }
                    onReport { throw AssertionError("onReport") }
                    onDiagnostic { throw AssertionError("onDiagnostic") }
                },
            )
            fun told(what: String) = errors.any { what in it.toString() }
            analytics.flush { throw AssertionError("onFlushed") }
            until { told("onFlushed") }
            analytics.subscribeToUserInfo { throw AssertionError("onUserInfo") }
            until { told("onUserInfo") }
            analytics.subscribeToUserInfo(Executor { throw AssertionError("the executor") }) { }
            until { told("the executor") }
            analytics.track("e")
            analytics.flush()
            until { told("onDiagnostic") }
            analytics.purgeStorage()
            until { told("onReport") }
            // The thread goes on.
            val latch = CountDownLatch(1)
            analytics.flush { latch.countDown() }
            latch.await()
            assertEquals(emptyList<Throwable>(), uncaught)
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(usual)
        }
    }

    @Test
    fun `eight threads that add and remove their own plugins keep those of the others`() {
        val (analytics, recorder) = recorded()
        val failures = CopyOnWriteArrayList<Throwable>()
        val kept = CopyOnWriteArrayList<Plugin>()
        val policies = CopyOnWriteArrayList<FlushPolicy>()
        (1..8).map {
            thread {
                try {
                    repeat(1_500) { n ->
                        val plugin = PluginTest.Named(Plugin.Type.Utility, "own")
                        val policy = StartupFlushPolicy()
                        analytics.add(plugin)
                        analytics.addFlushPolicy(policy)
                        if (n % 25 == 0) {
                            kept += plugin
                            policies += policy
                        } else {
                            analytics.remove(plugin)
                            analytics.removeFlushPolicy(policy)
                        }
                    }
                } catch (error: Throwable) {
                    failures += error
                }
            }
        }.forEach(Thread::join)
        assertEquals(emptyList<Throwable>(), failures)
        assertEquals((kept + recorder).toSet(), analytics.findAll(Plugin::class).toSet())
        assertEquals(policies.toSet(), analytics.policies.all.toSet())
    }
}
