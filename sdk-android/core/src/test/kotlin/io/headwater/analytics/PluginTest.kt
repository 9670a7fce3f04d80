package io.headwater.analytics

import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.util.concurrent.CopyOnWriteArrayList

class PluginTest {
    /** Writes its name into each event. */
    class Named(override val type: Plugin.Type, private val name: String) : Plugin {
        override lateinit var analytics: Analytics

        override fun execute(event: BaseEvent): BaseEvent {
            val path = event.context["path"].text.orEmpty() + name
            event.context = JsonObject(event.context + ("path" to JsonPrimitive(path)))
            return event
        }
    }

    open class Vendor(override val key: String, override val needsSettings: Boolean = false) : DestinationPlugin() {
        val got = CopyOnWriteArrayList<BaseEvent>()
        val updates = CopyOnWriteArrayList<Plugin.UpdateType>()
        val calls = CopyOnWriteArrayList<String>()

        override fun execute(event: BaseEvent): BaseEvent? = super.execute(event)?.also { got += it }

        override fun update(settings: Settings, type: Plugin.UpdateType) {
            updates += type
        }

        override fun flush() {
            calls += "flush"
        }

        override fun reset() {
            calls += "reset"
        }
    }

    @Test
    fun `plugins run in the order of their types, closures last`() {
        val (analytics, recorder) = recorded()
        analytics.add(Named(Plugin.Type.Enrichment, "2"))
        analytics.add(Named(Plugin.Type.Before, "1"))
        analytics.add(Named(Plugin.Type.Utility, "never"))
        analytics.track("e") { event ->
            event.apply { context = JsonObject(context + ("path" to JsonPrimitive(context["path"].text + "3"))) }
        }
        assertEquals("123", recorder.events.single()["context"]["path"].text)
    }

    @Test
    fun `a plugin drops an event, which is reported with its name`() {
        class Bouncer : Plugin {
            override val type = Plugin.Type.Enrichment
            override lateinit var analytics: Analytics

            override fun execute(event: BaseEvent): BaseEvent? = event.takeIf { (it as? TrackEvent)?.event != "no" }
        }
        val reports = CopyOnWriteArrayList<DropReport>()
        val (analytics, recorder) = recorded { onReport { reports += it } }
        analytics.add(Bouncer())
        analytics.track("no")
        analytics.track("yes")
        analytics.track("neither") { null }
        assertEquals(listOf("yes"), recorder.names)
        until { reports.sumOf { it.count } == 2L }
        assertTrue(reports.all { it.reason == "plugin" })
        assertTrue("Bouncer" in reports[0].detail)
    }

    @Test
    fun `an enrichment that throws costs no event`() {
        class Broken : Plugin {
            override val type = Plugin.Type.Enrichment
            override lateinit var analytics: Analytics

            override fun execute(event: BaseEvent): BaseEvent = error("broken")
        }
        val errors = CopyOnWriteArrayList<Throwable>()
        val (analytics, recorder) = recorded { onError { errors += it } }
        analytics.add(Broken())
        analytics.track("e")
        assertEquals(listOf("e"), recorder.names)
        assertEquals(AnalyticsException.Reason.Plugin, (errors.single() as AnalyticsException).reason)
    }

    @Test
    fun `a call that a plugin makes comes right after the event at hand`() {
        class Echo : EventPlugin {
            override val type = Plugin.Type.Enrichment
            override lateinit var analytics: Analytics

            override fun track(payload: TrackEvent): BaseEvent {
                if (!payload.event.endsWith("!")) analytics.track(payload.event + "!")
                return payload
            }
        }
        val (analytics, recorder) = recorded()
        analytics.add(Echo())
        analytics.track("a")
        analytics.track("b")
        assertEquals(listOf("a", "a!", "b", "b!"), recorder.names)
    }

    @Test
    fun `a plugin that answers itself for ever is stopped`() {
        class Endless : EventPlugin {
            override val type = Plugin.Type.Enrichment
            override lateinit var analytics: Analytics

            override fun track(payload: TrackEvent): BaseEvent {
                analytics.track("again")
                return payload
            }
        }
        val errors = CopyOnWriteArrayList<Throwable>()
        val (analytics, recorder) = recorded { onError { errors += it } }
        analytics.add(Endless())
        analytics.track("a")
        assertEquals(8, recorder.events.size)
        assertEquals(AnalyticsException.Reason.Recursion, (errors.single() as AnalyticsException).reason)
    }

    @Test
    fun `plugins are found, asked and removed`() {
        val (analytics, recorder) = recorded()
        val vendor = Vendor("vendor")
        val inner = Named(Plugin.Type.Before, "inner")
        vendor.add(inner)
        analytics.add(vendor)
        assertSame(vendor, analytics.find("vendor"))
        assertSame(vendor, analytics.find(Vendor::class))
        assertEquals(listOf(inner), analytics.findAll(Named::class.java))
        val seen = mutableListOf<Plugin>()
        analytics.applyClosureToPlugins { seen += it }
        assertEquals(listOf(recorder, vendor), seen)
        analytics.remove(vendor)
        assertNull(analytics.find("vendor"))
        analytics.remove(recorder)
        analytics.track("unseen")
        assertEquals(0, recorder.events.size)
    }

    @Test
    fun `a destination gets what its integrations allow, through its own plugins`() {
        val (analytics, _) = recorded()
        val vendor = Vendor("vendor")
        vendor.add(Named(Plugin.Type.Enrichment, "own"))
        analytics.add(vendor)
        analytics.track("yes")
        analytics.process(
            TrackEvent("no").apply { integrations = buildJsonObject { put("vendor", false) } },
        )
        analytics.identify("u1")
        until { vendor.got.size == 2 }
        assertEquals(listOf(EventType.track, EventType.identify), vendor.got.map { it.type })
        assertEquals("own", vendor.got[0].context["path"].text)
        analytics.reset()
        until { "reset" in vendor.calls }
    }

    @Test
    fun `a destination waits for its settings unless it is enabled by hand`() {
        val known = Settings(buildJsonObject { putJsonObject("integrations") { putJsonObject("known") { put("id", 1) } } })
        val (analytics, _) = recorded { defaultSettings = known }
        val mine = Vendor("known", needsSettings = true)
        val other = Vendor("unknown", needsSettings = true)
        analytics.add(mine)
        analytics.add(other)
        analytics.track("first")
        until { mine.got.size == 1 }
        assertEquals(Plugin.UpdateType.Initial, mine.updates.first())
        assertEquals(0, other.got.size)
        analytics.manuallyEnableDestination(other)
        analytics.track("second")
        until { other.got.size == 1 }
        assertEquals("1", analytics.settings()!!.integrationSettings("known")["id"].text)
    }

    @Test
    fun `a waiting plugin holds events back, which keep their order and time`() {
        class Waiting : WaitingPlugin {
            override val type = Plugin.Type.Before
            override lateinit var analytics: Analytics
        }
        val (analytics, recorder) = recorded()
        val waiting = Waiting()
        analytics.add(waiting)
        analytics.track("a")
        analytics.track("b")
        assertEquals(0, recorder.events.size)
        assertEquals(2, analytics.pendingEvents())
        waiting.resume()
        analytics.track("c")
        assertEquals(listOf("a", "b", "c"), recorder.names)
        assertEquals(recorder.events.map { it["timestamp"].text }, recorder.events.map { it["timestamp"].text }.sortedBy { it })
    }

    @Test
    fun `what waits for a plugin survives the process`() {
        class Waiting : WaitingPlugin {
            override val type = Plugin.Type.Before
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
            first.add(Waiting())
            first.track("held")
            first.shutdown(0)
        }
        start().use { assertEquals(1, it.pendingEvents()) }
    }

    @Test
    fun `a flush policy of the app sees events and says when`() {
        class Third : FlushPolicy {
            var seen = 0
            var begun = 0

            override fun updateState(event: BaseEvent) {
                seen++
            }

            override fun shouldFlush(): Boolean = seen == 3

            override fun reset() {
                begun++
            }
        }
        val policy = Third()
        val (analytics, _) = recorded { flushPolicies = listOf(policy) }
        repeat(3) { analytics.track("e") }
        assertEquals(listOf(3, 1), listOf(policy.seen, policy.begun))
    }

    @Test
    fun `without the hub events go to destinations alone`() {
        val (analytics, _) = recorded { autoAddSegmentDestination = false }
        val vendor = Vendor("vendor")
        analytics.add(vendor)
        analytics.track("local")
        until { vendor.got.size == 1 }
        assertEquals(0, analytics.pendingEvents())
    }
}
